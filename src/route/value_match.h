// A condition on one header field or query parameter: "abc" exactly, "abc*" by prefix, "*" if
// present.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "route/pattern.h"

namespace sluice::route {

class ValueMatch {
 public:
  enum class Kind : uint8_t { present, prefix, exact };

  /// A final "*" is the wildcard (a value that ends in a star is matched by its prefix).
  /// errors: a "*" elsewhere, a control byte
  static Result<ValueMatch, PatternError> parse(std::string_view text);

  Kind kind() const { return kind_; }
  /// Without the final "*".
  const std::string& text() const { return text_; }
  bool matches(std::string_view value) const noexcept;
  /// Every value that this matches, `other` matches too.
  bool implies(const ValueMatch& other) const;
  /// No value is matched by both.
  bool excludes(const ValueMatch& other) const;
  /// Grows as fewer values match: orders two conditions where one implies the other.
  uint32_t strictness() const;
  friend bool operator==(const ValueMatch&, const ValueMatch&) = default;

 private:
  std::string text_;
  Kind kind_ = Kind::present;
};

/// A condition with the name it is about. Of several fields or parameters of that name the first
/// counts, so that two conditions which exclude each other never hold together.
struct NamedMatch {
  std::string name;  // header names in any case; query names decoded
  ValueMatch value;
};

}  // namespace sluice::route
