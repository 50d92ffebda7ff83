// A log-linear histogram of durations: nine buckets a decade from 1 us to 100 s, so that every
// bound of the exposition (1, 2, 5 and 3, 6 times a power of ten) is the bound of a bucket: nothing
// is estimated. One writer (its worker), any number of readers; like base/counter.h, no lock
// prefix.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/counter.h"

namespace sluice {

class Histogram {
 public:
  static constexpr unsigned kDecades = 8;                // 1 us .. 100 s: no timeout is longer
  static constexpr size_t kBuckets = 2 + 9 * kDecades;   // and up to 1 us, and above 100 s

  /// cost: about 3 ns
  void record(Duration value) {
    buckets_[bucket_of(value)].add();
    if (value.count() > 0) sum_ns_.add(static_cast<uint64_t>(value.count()));
  }

  /// The bucket whose upper bound is the least one >= value (bounds are inclusive, as Prometheus'
  /// `le`).
  static constexpr size_t bucket_of(Duration value) {
    int64_t ns = value.count();
    if (ns <= 1000) return 0;
    auto micros = static_cast<uint64_t>(ns - 1) / 1000;   // less than a bound iff ns is at most it
    if (micros >= kPowers[kDecades]) return kBuckets - 1;
    auto small = static_cast<uint32_t>(micros);
    unsigned decade = kDecadeOfWidth[std::bit_width(small)];
    decade += small >= kPowers[decade + 1] ? 1 : 0;
    return 9 * decade + small / kPowers[decade];
  }

  /// gives: the inclusive upper bound; the last bucket has none and gives UINT64_MAX
  static constexpr uint64_t bound_micros(size_t bucket) {
    if (bucket == 0) return 1;
    if (bucket == kBuckets - 1) return UINT64_MAX;
    return ((bucket - 1) % 9 + 2) * kPowers[(bucket - 1) / 9];
  }

  uint64_t bucket(size_t index) const { return buckets_[index].value(); }
  uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  static constexpr uint32_t kPowers[kDecades + 1] = {
      1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};
  // The decade of the least number of each bit width (0 for the width 0, which micros = 0 has not).
  static constexpr uint8_t kDecadeOfWidth[28] = {0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3,
                                                 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7};

  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

}  // namespace sluice
