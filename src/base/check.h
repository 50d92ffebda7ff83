// CHECK: our own bug ends the process with a line that names it. DCHECK: the same, in builds without NDEBUG.
#pragma once

#include <cstddef>
#include <limits>
#include <type_traits>

namespace sluice {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

/// Converts between integer types; a value that does not fit is our bug (check it first if it is input).
template <class To, class From>
constexpr To narrow(From value);

}  // namespace sluice

#define CHECK(condition) \
  (static_cast<bool>(condition) ? (void)0 : ::sluice::check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define DCHECK(condition) ((void)sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition) CHECK(condition)
#endif

namespace sluice {

template <class To, class From>
constexpr To narrow(From value) {
  static_assert(std::is_integral_v<To> && std::is_integral_v<From>);
  To out = static_cast<To>(value);
  CHECK(static_cast<From>(out) == value && ((out < To{}) == (value < From{})));
  return out;
}

}  // namespace sluice
