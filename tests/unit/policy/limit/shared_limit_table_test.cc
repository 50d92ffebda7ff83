#include "policy/limit/shared_limit_table.h"

#include <gtest/gtest.h>

#include <barrier>
#include <memory>
#include <thread>
#include <vector>

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kStart = 3'600'000'000'000;
constexpr Hash128 kSeed{1, 2};

LimitKey key_of(uint64_t number) {
  return siphash128(kSeed, {reinterpret_cast<const char*>(&number), sizeof(number)});
}

TEST(SharedLimitTable, counts_each_key_by_itself) {
  SharedLimitTable table(1 << 20, kSeed);
  LimitRule rule = LimitRule::gcra(10, 1s, 5);
  for (uint64_t key = 0; key < 100; ++key) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(table.charge(key_of(key), rule, kStart, 1, Charge::take).allowed);
    EXPECT_FALSE(table.charge(key_of(key), rule, kStart, 1, Charge::take).allowed);
  }
  table.refund(key_of(7), rule, kStart, 2);
  EXPECT_EQ(table.charge(key_of(7), rule, kStart, 1, Charge::look).remaining, 2u);
  EXPECT_EQ(table.charge(key_of(8), rule, kStart, 1, Charge::look).remaining, 0u);
  EXPECT_EQ(table.forgotten(), 0u);
}

TEST(SharedLimitTable, a_look_at_a_new_key_takes_no_place) {
  SharedLimitTable table(SharedLimitTable::kBytesLeast, kSeed);
  LimitRule rule = LimitRule::gcra(10, 1s, 5);
  for (uint64_t key = 0; key < 100'000; ++key) {
    EXPECT_EQ(table.charge(key_of(key), rule, kStart, 1, Charge::look).remaining, 5u);
  }
  EXPECT_EQ(table.forgotten(), 0u);
}

TEST(SharedLimitTable, a_new_key_takes_the_place_of_one_that_says_nothing_any_more) {
  SharedLimitTable table(SharedLimitTable::kBytesLeast, kSeed);
  ASSERT_EQ(table.capacity(), 128u);
  LimitRule rule = LimitRule::gcra(10, 1s, 5);
  uint64_t now = kStart;
  for (uint64_t key = 0; key < 10'000; ++key) {
    EXPECT_TRUE(table.charge(key_of(key), rule, now, 1, Charge::take).allowed);
    now += 100'000'000;
  }
  EXPECT_EQ(table.forgotten(), 0u);
}

TEST(SharedLimitTable, what_is_forgotten_for_want_of_room_is_what_was_used_least) {
  SharedLimitTable table(SharedLimitTable::kBytesLeast, kSeed);
  LimitRule rule = LimitRule::gcra(10, 1h, 10);
  LimitRule quota = LimitRule::quota(10, 24h);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(table.charge(key_of(1), rule, kStart, 1, Charge::take).allowed);
    EXPECT_TRUE(table.charge(key_of(2), quota, kStart, 1, Charge::take).allowed);
  }
  for (uint64_t key = 10; key < 100'000; ++key) {   // a flood of keys, each asked for once
    LimitRule by = key % 2 == 0 ? rule : quota;
    EXPECT_TRUE(table.charge(key_of(key), by, kStart, 1, Charge::take).allowed);
  }
  EXPECT_GT(table.forgotten(), 90'000u);
  EXPECT_FALSE(table.charge(key_of(1), rule, kStart, 1, Charge::take).allowed);
  EXPECT_FALSE(table.charge(key_of(2), quota, kStart, 1, Charge::take).allowed);
}

TEST(SharedLimitTable, counts_what_is_there_at_the_same_time) {
  SharedLimitTable table(SharedLimitTable::kBytesLeast, kSeed);
  LimitRule rule = LimitRule::concurrency(2);
  SharedLimitTable::Pass first, second, third;
  EXPECT_EQ(table.enter(key_of(1), rule, kStart, first).remaining, 1u);
  EXPECT_EQ(table.enter(key_of(1), rule, kStart, second).remaining, 0u);
  EXPECT_FALSE(table.enter(key_of(1), rule, kStart, third).allowed);
  EXPECT_TRUE(third.is_none());
  table.leave(third);
  table.leave(first);
  table.leave(first);   // a second time is no time
  EXPECT_TRUE(table.enter(key_of(1), rule, kStart, third).allowed);
  EXPECT_FALSE(table.enter(key_of(1), rule, kStart, first).allowed);
}

TEST(SharedLimitTable, a_count_of_what_is_there_is_never_forgotten) {
  SharedLimitTable table(SharedLimitTable::kBytesLeast, kSeed);
  LimitRule concurrency = LimitRule::concurrency(1);
  LimitRule rule = LimitRule::gcra(10, 1h, 10);
  std::vector<SharedLimitTable::Pass> passes(1'000);
  for (uint64_t i = 0; i < passes.size(); ++i) {
    EXPECT_TRUE(table.enter(key_of(i), concurrency, kStart, passes[i]).allowed);
  }
  size_t counted = 0;
  for (auto& pass : passes) counted += pass.is_none() ? 0 : 1;
  EXPECT_EQ(counted, table.capacity());   // what finds no place is let through, uncounted
  for (uint64_t key = 5'000; key < 20'000; ++key) table.charge(key_of(key), rule, kStart, 1, Charge::take);
  for (uint64_t i = 0; i < passes.size(); ++i) {
    if (passes[i].is_none()) continue;
    SharedLimitTable::Pass again;
    EXPECT_FALSE(table.enter(key_of(i), concurrency, kStart, again).allowed);
    table.leave(passes[i]);
    EXPECT_TRUE(table.enter(key_of(i), concurrency, kStart, again).allowed);
    table.leave(again);
  }
}

// Four threads at the same few keys in a table that is always full: no key gives more than its burst.
TEST(SharedLimitTable, threads_share_a_limit_exactly) {
  constexpr unsigned kThreads = 4, kRounds = 200, kKeys = 24, kTries = 12;
  LimitRule rules[] = {LimitRule::gcra(10, 1h, 20), LimitRule::sliding(20, 1h), LimitRule::quota(20, 1h)};
  for (const LimitRule& rule : rules) {
    SharedLimitTable table(64 << 10, kSeed);   // full after 85 rounds
    std::barrier next_round(kThreads);   // who is late would make keys anew that others took for old
    std::vector<std::atomic<uint32_t>> admitted(kRounds * kKeys);
    auto run = [&] {
      for (uint64_t round = 0; round < kRounds; ++round) {
        next_round.arrive_and_wait();
        // Each round begins long after the last: its keys take the places of the others'.
        uint64_t now = kStart + round * 100 * static_cast<uint64_t>(Duration(1h).count());
        for (unsigned i = 0; i < kKeys * kTries; ++i) {
          uint64_t key = round * kKeys + i % kKeys;
          if (table.charge(key_of(key), rule, now, 1, Charge::take).allowed) {
            admitted[key].fetch_add(1, std::memory_order_relaxed);
          }
        }
      }
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(run);
    for (auto& thread : threads) thread.join();
    for (auto& count : admitted) ASSERT_EQ(count.load(), 20u);
    EXPECT_EQ(table.forgotten(), 0u);
  }
}

TEST(SharedLimitTable, threads_share_a_count_exactly) {
  constexpr unsigned kThreads = 4, kRounds = 20'000;
  SharedLimitTable table(SharedLimitTable::kBytesLeast, kSeed);
  LimitRule rule = LimitRule::concurrency(3), filler = LimitRule::gcra(10, 1s, 5);
  std::array<std::atomic<int>, 4> inside{};
  std::atomic<bool> above{false};
  auto run = [&](unsigned thread) {
    for (unsigned i = 0; i < kRounds; ++i) {
      unsigned key = (i + thread) % inside.size();
      SharedLimitTable::Pass pass;
      if (table.enter(key_of(key), rule, kStart, pass).allowed && !pass.is_none()) {
        if (inside[key].fetch_add(1) >= 3) above = true;
        inside[key].fetch_sub(1);
        table.leave(pass);
      }
      table.charge(key_of(1'000 + i * kThreads + thread), filler, kStart + i, 1, Charge::take);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(run, i);
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(above);
  for (uint64_t key = 0; key < inside.size(); ++key) {
    SharedLimitTable::Pass pass;
    EXPECT_EQ(table.enter(key_of(key), rule, kStart, pass).remaining, 2u);
  }
}

}  // namespace
}  // namespace sluice::policy
