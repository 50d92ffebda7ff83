#include "route/value_match.h"

namespace sluice::route {

Result<ValueMatch, PatternError> ValueMatch::parse(std::string_view text) {
  ValueMatch match;
  match.kind_ = Kind::exact;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return PatternError{i, "control bytes never reach a match"};
    if (c != '*') continue;
    if (i + 1 < text.size()) return PatternError{i, "a star stands only at the end"};
    match.kind_ = i == 0 ? Kind::present : Kind::prefix;
  }
  match.text_ = text.substr(0, match.kind_ == Kind::exact ? text.size() : text.size() - 1);
  return match;
}

bool ValueMatch::matches(std::string_view value) const noexcept {
  switch (kind_) {
    case Kind::present:
      return true;
    case Kind::prefix:
      return value.substr(0, text_.size()) == text_;
    case Kind::exact:
      return value == text_;
  }
  return false;
}

bool ValueMatch::implies(const ValueMatch& other) const {
  switch (other.kind_) {
    case Kind::present:
      return true;
    case Kind::prefix:
      return kind_ != Kind::present && other.matches(text_);
    case Kind::exact:
      return *this == other;
  }
  return false;
}

bool ValueMatch::excludes(const ValueMatch& other) const {
  if (kind_ == Kind::exact) return !other.matches(text_);
  if (other.kind_ == Kind::exact) return !matches(other.text_);
  return !implies(other) &&
         !other.implies(*this);  // two prefixes share values only if one holds the other
}

uint32_t ValueMatch::strictness() const {
  switch (kind_) {
    case Kind::present:
      return 0;
    case Kind::prefix:
      return 1 + static_cast<uint32_t>(text_.size());
    case Kind::exact:
      return 1u << 20;  // above any prefix: a configured value is far below 1 MiB
  }
  return 0;
}

}  // namespace sluice::route
