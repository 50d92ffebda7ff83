// Tokens that are not accepted any more though they have not expired: by their id, or all of a
// subject. Immutable: a new list replaces an old one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace sluice::policy {

/// A list is read whole whenever it changes; what has expired need not stay in it.
inline constexpr size_t kRevocationBytesMax = 16 * 1024 * 1024;
inline constexpr size_t kRevocationLineMax = 4 * 1024;

/// What of a token a list can name.
struct TokenNames {
  std::string_view id;        // "jti"; empty: none
  std::string_view subject;   // "sub"; empty: none
  std::optional<WallTime> issued;
};

class Revocations {
 public:
  /// One JSON object in each line: {"jti": "..."} for one token, {"sub": "..."} for all of a
  /// subject, {"sub": "...", "before": 1700000000} for those issued before that moment (a token that
  /// does not say when it was issued is one of them). Empty lines and lines that begin with "#" are
  /// passed over.
  /// errors: what is wrong, with the number of the line; no part of a list with an error counts
  static Result<Revocations, std::string> read(std::string_view text);

  bool revoked(const TokenNames& token) const;
  size_t size() const { return ids_.size() + subjects_.size(); }

 private:
  struct Hash {   // looked up by views
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::string take(std::string_view line, JsonReader& reader);

  std::unordered_set<std::string, Hash, std::equal_to<>> ids_;
  std::unordered_map<std::string, WallTime, Hash, std::equal_to<>> subjects_;   // issued before
};

}  // namespace sluice::policy
