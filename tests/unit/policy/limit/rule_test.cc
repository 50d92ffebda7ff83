#include "policy/limit/rule.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "base/hash.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kStart = 3'600'000'000'000;   // an hour after the machine began

// One key under one rule.
struct Key {
  LimitRule rule;
  uint64_t now = kStart;
  uint64_t word = 0;

  Standing ask(uint64_t cost = 1, Charge how = Charge::take) {
    Charged charged = charge(rule, word, now, cost, how);
    word = charged.word;
    return charged.standing;
  }
  unsigned grab(unsigned tries) {
    unsigned allowed = 0;
    for (unsigned i = 0; i < tries; ++i) allowed += ask().allowed ? 1 : 0;
    return allowed;
  }
  void pass_time(Duration by) { now += static_cast<uint64_t>(by.count()); }
};

TEST(LimitRule, gcra_lets_a_burst_through_and_then_the_even_rate) {
  Key key{LimitRule::gcra(10, 1s, 5)};
  EXPECT_EQ(key.grab(20), 5u);
  Standing refused = key.ask();
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0u);
  EXPECT_EQ(refused.retry, 100ms);
  EXPECT_EQ(refused.more, 100ms);
  EXPECT_EQ(refused.whole, 500ms);
  key.pass_time(99ms);
  EXPECT_EQ(key.grab(1), 0u);
  key.pass_time(1ms);
  EXPECT_EQ(key.grab(2), 1u);
  key.pass_time(350ms);
  EXPECT_EQ(key.grab(10), 3u);
}

TEST(LimitRule, what_remains_is_what_the_next_requests_get) {
  for (LimitRule rule : {LimitRule::gcra(7, 1s, 7), LimitRule::sliding(7, 1s), LimitRule::quota(7, 10s)}) {
    Key key{rule};
    Random random(5);
    for (int i = 0; i < 2'000; ++i) {
      key.pass_time(Duration(random.below(300'000'000)));
      Standing standing = key.ask();
      Key next = key;
      EXPECT_EQ(next.grab(20), standing.remaining) << i;
      Standing refused = next.ask();
      ASSERT_FALSE(refused.allowed);
      Key early = next;
      early.pass_time(refused.retry - 1us);
      EXPECT_FALSE(early.ask().allowed) << i;
      next.pass_time(refused.retry);
      EXPECT_TRUE(next.ask().allowed) << i;
    }
  }
}

TEST(LimitRule, more_and_whole_come_when_they_say) {
  for (LimitRule rule : {LimitRule::gcra(7, 1s, 7), LimitRule::sliding(7, 1s), LimitRule::quota(7, 10s)}) {
    Key key{rule};
    Random random(9);
    for (int i = 0; i < 2'000; ++i) {
      key.pass_time(Duration(random.below(300'000'000)));
      Standing standing = key.ask();
      ASSERT_GT(standing.more, 0s);
      ASSERT_GE(standing.whole, standing.more);
      Key later = key;
      later.pass_time(standing.more + 1us);
      EXPECT_GT(later.ask(1, Charge::look).remaining, standing.remaining) << i;
      later = key;
      later.pass_time(standing.whole);
      EXPECT_EQ(later.ask(1, Charge::look).remaining, rule.most) << i;
      EXPECT_TRUE(is_unused(rule.kind, rule.window, later.word, later.now));
      if (standing.remaining < rule.most - 1) {
        EXPECT_FALSE(is_unused(rule.kind, rule.window, key.word, key.now));
      }
    }
  }
}

struct Flow { uint64_t count; Duration per; uint64_t burst; };
constexpr Flow kFlows[] = {{100, 1s, 1}, {100, 1s, 20}, {1'000, 1s, 1'000}, {7, 1s, 3},
                           {60, 1min, 10}, {1'000'000, 24h * 30, 50}, {333'333, 1s, 100}};

// Arrivals of every kind: the most that any window of T admits is burst + rate x T.
TEST(LimitRule, gcra_never_lets_more_through_than_burst_and_rate) {
  for (const Flow& c : kFlows) {
    Key key{LimitRule::gcra(c.count, c.per, c.burst)};
    Random random(c.count + c.burst);
    uint64_t even = static_cast<uint64_t>(c.per.count()) / c.count;
    std::vector<uint64_t> admitted;
    for (int i = 0; i < 20'000; ++i) {
      bool pause = random.below(1'000) == 0;
      key.now += pause ? random.below(even * c.burst * 2) : random.below(even);
      if (key.ask().allowed) admitted.push_back(key.now);
    }
    double rate = static_cast<double>(c.count) / static_cast<double>(c.per.count());
    for (size_t i = 0; i < admitted.size(); ++i) {
      for (size_t j = i; j < admitted.size(); j += 1 + (j - i) / 8) {
        double most = static_cast<double>(c.burst) + rate * static_cast<double>(admitted[j] - admitted[i]);
        ASSERT_LE(static_cast<double>(j - i + 1), most + 1e-6) << c.count << " " << i << " " << j;
      }
    }
  }
}

TEST(LimitRule, who_always_asks_for_more_gets_the_rate) {
  for (const Flow& c : kFlows) {
    Key key{LimitRule::gcra(c.count, c.per, c.burst)};
    uint64_t even = static_cast<uint64_t>(c.per.count()) / c.count;
    uint64_t admitted = 0;
    for (int i = 0; i < 500'000; ++i) {
      key.now += even / 200;
      admitted += key.ask().allowed ? 1 : 0;
    }
    double allowed = static_cast<double>(key.now - kStart) * static_cast<double>(c.count) / static_cast<double>(c.per.count());
    EXPECT_GE(static_cast<double>(admitted), 0.99 * allowed) << c.count;
    EXPECT_LE(static_cast<double>(admitted), allowed + static_cast<double>(c.burst)) << c.count;
  }
}

TEST(LimitRule, windows_hold_their_count) {
  struct Case { LimitRule rule; uint64_t most; };
  // Two counters see the last window as even: at worst all of it came at its end.
  for (const Case& c : {Case{LimitRule::sliding(50, 1s), 100}, Case{LimitRule::quota(50, 60s), 100}}) {
    Key key{c.rule};
    Random random(3);
    std::deque<uint64_t> sight;
    uint64_t admitted = 0;
    uint64_t step = static_cast<uint64_t>(c.rule.window.count()) / 100;
    for (int i = 0; i < 50'000; ++i) {
      key.now += random.below(step);
      if (!key.ask().allowed) continue;
      ++admitted;
      sight.push_back(key.now);
      while (sight.front() + static_cast<uint64_t>(c.rule.window.count()) <= key.now) sight.pop_front();
      ASSERT_LE(sight.size(), c.most);
    }
    double windows = static_cast<double>(key.now - kStart) / static_cast<double>(c.rule.window.count());
    EXPECT_GE(static_cast<double>(admitted), 0.95 * 50 * (windows - 1));
    EXPECT_LE(static_cast<double>(admitted), 50 * (windows + 1));
  }
}

TEST(LimitRule, a_sliding_window_is_exact_for_an_even_stream) {
  Key key{LimitRule::sliding(100, 10s)};
  EXPECT_EQ(key.grab(150), 100u);
  key.pass_time(10s);       // the hundred are at the start of the window before
  EXPECT_EQ(key.grab(100), 0u);
  key.pass_time(5s);
  EXPECT_EQ(key.grab(100), 50u);
}

TEST(LimitRule, a_quota_has_its_window_from_the_first_request_on) {
  Key key{LimitRule::quota(1'000'000, 24h * 30)};
  key.pass_time(1234567ms);
  EXPECT_TRUE(key.ask(999'999).allowed);
  EXPECT_FALSE(key.ask(2).allowed);
  EXPECT_TRUE(key.ask(1).allowed);
  key.pass_time(24h * 30 - 1s);
  Standing refused = key.ask();
  EXPECT_FALSE(refused.allowed);
  EXPECT_LE(refused.retry, 2s);
  key.pass_time(2s);
  EXPECT_EQ(key.ask().remaining, 999'999u);
}

TEST(LimitRule, costs_count) {
  for (LimitRule rule : {LimitRule::gcra(10, 1s, 10), LimitRule::sliding(10, 1s), LimitRule::quota(10, 60s)}) {
    Key key{rule};
    EXPECT_EQ(key.ask(4).remaining, 6u);
    EXPECT_FALSE(key.ask(7).allowed);
    EXPECT_EQ(key.ask(6).remaining, 0u);
    EXPECT_GT(key.ask(1).retry, 0s);
    EXPECT_GE(key.ask(5).retry, key.ask(1).retry);
  }
}

TEST(LimitRule, what_is_given_back_may_be_taken_again_and_no_more) {
  for (LimitRule rule : {LimitRule::gcra(10, 1s, 10), LimitRule::sliding(10, 1s), LimitRule::quota(10, 60s)}) {
    Key key{rule};
    EXPECT_EQ(key.grab(10), 10u);
    key.word = refund(rule, key.word, key.now, 3);
    EXPECT_EQ(key.grab(10), 3u);
    key.word = refund(rule, key.word, key.now, 1'000);
    EXPECT_EQ(key.grab(100), 10u);
  }
}

TEST(LimitRule, what_has_happened_is_counted_beyond_the_limit_with_an_end_to_the_debt) {
  Key key{LimitRule::gcra(10, 1s, 5)};
  for (int i = 0; i < 1'000; ++i) key.ask(1, Charge::force);
  EXPECT_FALSE(key.ask(1, Charge::look).allowed);
  EXPECT_EQ(key.ask(1, Charge::look).whole, 1s);
  key.pass_time(600ms);
  EXPECT_TRUE(key.ask(1, Charge::look).allowed);
  Key window{LimitRule::sliding(5, 1s)};
  for (int i = 0; i < 1'000; ++i) window.ask(1, Charge::force);
  window.pass_time(2s);
  EXPECT_EQ(window.ask(1, Charge::look).remaining, 5u);
}

TEST(LimitRule, a_look_changes_nothing) {
  for (LimitRule rule : {LimitRule::gcra(10, 1s, 10), LimitRule::sliding(10, 1s), LimitRule::quota(10, 60s)}) {
    Key key{rule};
    EXPECT_EQ(key.ask(1, Charge::look).remaining, 10u);
    EXPECT_EQ(key.word, 0u);
    EXPECT_EQ(key.ask(1, Charge::look).more, 0s);
    key.ask(3);
    uint64_t word = key.word;
    EXPECT_EQ(key.ask(1, Charge::look).remaining, 7u);
    EXPECT_EQ(key.word, word);
  }
}

TEST(LimitRule, the_largest_numbers_hold) {
  Key gcra{LimitRule::gcra(1, kWindowMax, 1)};
  EXPECT_EQ(gcra.grab(2), 1u);
  EXPECT_EQ(gcra.ask().retry, kWindowMax);
  Key sliding{LimitRule::sliding(kSlidingCountMax, 24h)};
  EXPECT_EQ(sliding.ask(kSlidingCountMax).remaining, 0u);
  EXPECT_NE(sliding.word, UINT64_MAX);
  Key quota{LimitRule::quota(kCountMax, kWindowMax)};
  EXPECT_EQ(quota.ask(kCountMax).remaining, 0u);
  EXPECT_FALSE(quota.ask().allowed);
  Key fast{LimitRule::gcra(kRatePerSecondMax, 1s, kCountMax)};
  EXPECT_EQ(fast.ask(kCountMax).remaining, 0u);
}

}  // namespace
}  // namespace sluice::policy
