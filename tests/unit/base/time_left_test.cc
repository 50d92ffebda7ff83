#include "base/time_left.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(TimeLeft, is_exact_near_by_and_bounded_far_away) {
  using namespace std::chrono_literals;
  WallTime now(std::chrono::seconds(1'795'000'000));
  EXPECT_EQ(time_left(now + 1500ms, now), 1500ms);
  EXPECT_EQ(time_left(now, now), Duration::zero());
  EXPECT_EQ(time_left(now - 1h, now), Duration::zero());
  WallTime year_9999(std::chrono::seconds(253'402'300'799));
  EXPECT_EQ(time_left(year_9999, now), kLongestTimeLeft);   // as nanoseconds it would be negative
  EXPECT_EQ(time_left(WallTime::max(), now), kLongestTimeLeft);
}

}  // namespace
}  // namespace sluice
