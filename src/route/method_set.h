// A set of HTTP methods in one word: what a route takes, and what a 405 offers.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/token.h"

namespace sluice::route {

class MethodSet {
 public:
  constexpr MethodSet() = default;  // empty
  /// Every method that Sluice forwards.
  static constexpr MethodSet all() {
    MethodSet set;
    set.bits_ = ((uint32_t{1} << http::kMethodCount) - 1) & ~bit(http::Method::unknown);
    return set;
  }

  /// GET brings HEAD with it (RFC 9110 section 9.3.2).
  constexpr MethodSet& add(http::Method method) {
    bits_ |= bit(method);
    if (method == http::Method::get) bits_ |= bit(http::Method::head);
    return *this;
  }
  constexpr bool has(http::Method method) const { return (bits_ & bit(method)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool covers(MethodSet other) const { return (other.bits_ & ~bits_) == 0; }
  constexpr bool meets(MethodSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr MethodSet& operator|=(MethodSet other) {
    bits_ |= other.bits_;
    return *this;
  }
  friend constexpr bool operator==(MethodSet, MethodSet) = default;

 private:
  static constexpr uint32_t bit(http::Method method) {
    return uint32_t{1} << static_cast<unsigned>(method);
  }
  uint32_t bits_ = 0;
};
static_assert(http::kMethodCount <= 31, "one bit each in a uint32_t");

/// gives: the value of an Allow field, "GET, HEAD, PUT"; in `arena`
std::string_view allow_text(MethodSet methods, Arena& arena);

}  // namespace sluice::route
