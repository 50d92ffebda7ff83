// Web origins as `origins` lists them, and the set that a request's Origin is looked up in.
// Source: RFC 6454 section 7, Fetch standard "origin header": browsers send scheme://host[:port] in lower case,
// without a default port, and never a path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/types.h"

namespace sluice::policy {

/// "https://app.example.com", "https://*.partner.example" (every name below it, not itself), or "*".
struct OriginPattern {
  enum class Kind : uint8_t { exact, below, any };
  Kind kind = Kind::exact;
  std::string text;   // in the form that browsers send
};

/// Compiled once, const; views nothing.
class OriginSet {
 public:
  explicit OriginSet(const std::vector<config::Placed<OriginPattern>>& patterns);
  bool any() const { return any_; }
  /// cost: a binary search among exact origins; wildcards are compared one by one
  bool allows(std::string_view origin) const;

 private:
  struct Below {
    std::string before;   // "https://"
    std::string after;    // ".partner.example:8443"
    bool allows(std::string_view origin) const;
  };
  std::vector<std::string> exact_;   // sorted
  std::vector<Below> below_;
  bool any_ = false;
};

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct TextForm<policy::OriginPattern> {
  static constexpr std::string_view noun =
      "an origin such as \"https://app.example.com\" or \"https://*.example.com\"";
  static Result<policy::OriginPattern, TextError> parse(std::string_view text);
  static std::string print(const policy::OriginPattern& origin) { return origin.text; }
};

}  // namespace sluice::config
