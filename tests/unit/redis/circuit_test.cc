#include "redis/circuit.h"

#include <gtest/gtest.h>

namespace sluice::redis {
namespace {

TEST(Circuit, opens_after_so_many_misses_in_a_row) {
  Circuit circuit;
  for (uint32_t i = 1; i < kMissesMax; ++i) EXPECT_FALSE(circuit.missed());
  circuit.answered();
  for (uint32_t i = 1; i < kMissesMax; ++i) EXPECT_FALSE(circuit.missed());
  EXPECT_TRUE(circuit.missed());
}

TEST(Circuit, half_open_one_miss_opens_it_again) {
  Random random(1);
  Circuit circuit;
  circuit.open(random);
  EXPECT_TRUE(circuit.half_open());
  EXPECT_TRUE(circuit.missed());
  circuit.answered();
  EXPECT_FALSE(circuit.half_open());
  EXPECT_FALSE(circuit.missed());
}

TEST(Circuit, stays_open_longer_each_time_within_bounds_and_with_chance) {
  Random random(7);
  Circuit circuit;
  Duration most = kBackoffMin;
  bool differs = false;
  Duration last{};
  for (int i = 0; i < 20; ++i) {
    Duration away = circuit.open(random);
    EXPECT_GE(away, most / 2);
    EXPECT_LE(away, most);
    differs |= most == kBackoffMax && last != away;
    last = away;
    most = std::min(most * 2, Duration(kBackoffMax));
  }
  EXPECT_TRUE(differs);
  circuit.answered();
  EXPECT_LE(circuit.open(random), kBackoffMin);
}

}  // namespace
}  // namespace sluice::redis
