// The path pattern of a route: literal segments, {parameters} and a final `**`. Knows no other
// route (router.h orders them) and no host (host_pattern.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::route {

/// Why a pattern is none, and where: the offset of the first bad byte in the text given.
struct PatternError {
  size_t position = 0;
  std::string text;
};

/// "/a/{id}/b" matches whole segments; "/a/**" matches /a, /a/ and all below; "/a" and "/a/" are
/// two; "*" is the target of OPTIONS * alone. A parameter never matches an empty segment.
class Pattern {
 public:
  static constexpr size_t kSegmentsMax =
      64;                                   // bounds the depth of a match; real APIs stay below 20
  static constexpr size_t kParamsMax = 16;  // captured values of one request, `**` included
  static constexpr std::string_view kRest = "**";  // also the name under which the tail is captured

  enum class Kind : uint8_t { literal, param, rest, asterisk };
  struct Segment {
    Kind kind;
    std::string text;  // literal: canonical form; param: its name; rest and asterisk: as written
  };

  /// Literals take the canonical form of http/uri.h: %-encoded unreserved characters are decoded,
  /// hex digits upper case, non-ASCII bytes %-encoded. errors: what has no canonical form ("//",
  /// "..", "%5C", a space), a parameter that is not a whole segment or is named twice, `**`
  /// elsewhere than at the end, more than the limits above
  static Result<Pattern, PatternError> parse(std::string_view text);

  /// As written.
  const std::string& text() const { return text_; }
  const std::vector<Segment>& segments() const { return segments_; }
  /// Names of the captured values in path order; the last is "**" when the pattern ends so.
  const std::vector<std::string>& params() const { return params_; }
  /// Index in params() and in Params (router.h), for templates compiled ahead of time.
  std::optional<size_t> param_index(std::string_view name) const;

 private:
  std::string text_;
  std::vector<Segment> segments_;
  std::vector<std::string> params_;
};

}  // namespace sluice::route
