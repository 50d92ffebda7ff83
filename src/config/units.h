// Durations "250ms", sizes "64KiB" and rates "100/1m". A bare number is refused where these are parsed: it has no
// unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sluice::config {

/// Why a text is no value, and the offset of its first bad byte.
struct TextError {
  std::string why;
  size_t offset = 0;
};

/// A number of bytes, apart from other numbers.
struct Bytes {
  uint64_t count = 0;
  friend bool operator==(Bytes, Bytes) = default;
};

/// So many in so long.
struct Rate {
  uint64_t count = 0;
  Duration per{};
  friend bool operator==(const Rate&, const Rate&) = default;
};

constexpr Bytes kibibytes(uint64_t n) {
  return {n << 10};
}
constexpr Bytes mebibytes(uint64_t n) {
  return {n << 20};
}

/// "250ms", "10s": one whole number, one of ns us ms s m h d.
Result<Duration, TextError> parse_duration(std::string_view text);
/// "512B", "64KiB", "10MiB", "2GiB"; powers of ten (kB) are refused, so that nobody wonders.
Result<Bytes, TextError> parse_bytes(std::string_view text);
/// "100/1m", "1_000_000/30d": a whole number of at least 1, a slash, a duration above 0.
Result<Rate, TextError> parse_rate(std::string_view text);

/// In the largest unit that divides it.
std::string print_duration(Duration duration);
std::string print_bytes(Bytes bytes);
std::string print_rate(const Rate& rate);

}  // namespace sluice::config
