#include "observe/histogram.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

TEST(Histogram, bounds_rise_nine_to_a_decade) {
  EXPECT_EQ(Histogram::bound_micros(0), 1U);
  for (size_t i = 1; i + 1 < Histogram::kBuckets; ++i) {
    EXPECT_GT(Histogram::bound_micros(i), Histogram::bound_micros(i - 1)) << i;
  }
  EXPECT_EQ(Histogram::bound_micros(9), 10U);
  EXPECT_EQ(Histogram::bound_micros(18), 100U);
  EXPECT_EQ(Histogram::bound_micros(Histogram::kBuckets - 2), 100'000'000U);
}

TEST(Histogram, a_bound_lies_in_its_own_bucket_and_a_nanosecond_more_in_the_next) {
  for (size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    nanoseconds bound = microseconds(Histogram::bound_micros(i));
    EXPECT_EQ(Histogram::bucket_of(bound), i) << bound.count();
    EXPECT_EQ(Histogram::bucket_of(bound + nanoseconds{1}), i + 1) << bound.count();
  }
}

TEST(Histogram, takes_every_duration) {
  EXPECT_EQ(Histogram::bucket_of(nanoseconds::min()), 0U);
  EXPECT_EQ(Histogram::bucket_of(nanoseconds{-1}), 0U);
  EXPECT_EQ(Histogram::bucket_of(nanoseconds{0}), 0U);
  EXPECT_EQ(Histogram::bucket_of(nanoseconds{1}), 0U);
  EXPECT_EQ(Histogram::bucket_of(nanoseconds::max()), Histogram::kBuckets - 1);
}

TEST(Histogram, agrees_with_a_search_of_the_bounds) {
  for (int64_t ns = 1; ns < 200'000'000'000; ns = ns + 1 + ns / 997) {
    size_t expected = 0;
    while (expected + 1 < Histogram::kBuckets &&
           static_cast<uint64_t>(ns) > Histogram::bound_micros(expected) * 1000) {
      ++expected;
    }
    ASSERT_EQ(Histogram::bucket_of(nanoseconds{ns}), expected) << ns;
  }
}

TEST(Histogram, totals_add_up_several_writers) {
  Histogram one, two;
  one.record(microseconds{5});
  one.record(microseconds{500});
  two.record(microseconds{500});
  two.record(nanoseconds{-3});  // a clock that went back counts, and adds no time
  HistogramTotals totals;
  totals.add(one);
  totals.add(two);
  EXPECT_EQ(totals.count(), 4U);
  EXPECT_EQ(totals.sum_ns, 1'005'000U);
  EXPECT_EQ(totals.buckets[Histogram::bucket_of(microseconds{500})], 2U);
}

}  // namespace
}  // namespace sluice::observe
