// The sum of the histograms of all workers, as the scrape reads it.
#pragma once

#include <array>
#include <cstdint>

#include "base/histogram.h"

namespace sluice::observe {

using sluice::Histogram;

/// The sum of some histograms, as read by the scrape. The count is the sum of the buckets, so that
/// count and buckets agree even while their writers go on.
struct HistogramTotals {
  std::array<uint64_t, Histogram::kBuckets> buckets{};
  uint64_t sum_ns = 0;

  void add(const Histogram& other) {
    for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.bucket(i);
    sum_ns += other.sum_ns();
  }
  uint64_t count() const {
    uint64_t total = 0;
    for (uint64_t in_bucket : buckets) total += in_bucket;
    return total;
  }
};

}  // namespace sluice::observe
