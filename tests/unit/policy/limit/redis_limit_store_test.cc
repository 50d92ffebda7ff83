// The scripts, in a real redis-server.
#include "policy/limit/redis_limit_store.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "base/hash.h"
#include "unit/redis/server.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMicrosecond = 1'000;

// What a script gives.
struct Given {
  uint64_t granted = 0, remaining = 0, retry = 0, whole = 0;   // the last two in microseconds
  std::string words;                                           // as Redis said it
};

// One count of one rule. With a time of the test's own where it gives one: the scripts ask for TIME once.
class Count {
 public:
  Count(redis::RedisServer& server, const LimitRule& rule) : server_(server), rule_(rule), script_(rule) {}

  Given ask(uint64_t most, uint64_t least) { return run(script_.script.source(), most, least); }
  Given ask_at(uint64_t now, uint64_t most, uint64_t least) {
    constexpr std::string_view kTime = "redis.call('TIME')";
    std::string source = script_.script.source();
    size_t at = source.find(kTime);
    EXPECT_NE(at, source.npos);
    std::string time = "{" + std::to_string(now / 1'000'000) + "," + std::to_string(now % 1'000'000) + "}";
    return run(source.replace(at, kTime.size(), time), most, least);
  }
  std::string kept() { return server_.ask({"GET", "count"}); }
  void keep(const std::string& text) { server_.ask({"SET", "count", text}); }
  void forget() { server_.ask({"DEL", "count"}); }
  long lives_milliseconds() { return std::stol(server_.ask({"PTTL", "count"})); }
  uint64_t now_microseconds() {
    std::istringstream words(server_.ask({"TIME"}));
    uint64_t seconds = 0, rest = 0;
    words >> seconds >> rest;
    return seconds * 1'000'000 + rest;
  }

 private:
  Given run(const std::string& source, uint64_t most, uint64_t least) {
    Given given;
    given.words = server_.ask({"EVAL", source, "1", "count", script_.numbers[0], script_.numbers[1], std::to_string(most),
                               std::to_string(least)});
    std::istringstream words(given.words);
    words >> given.granted >> given.remaining >> given.retry >> given.whole;
    EXPECT_TRUE(words) << given.words;
    return given;
  }

  redis::RedisServer& server_;
  LimitRule rule_;
  LimitScript script_;
};

TEST(RedisLimitStore, every_script_gives_what_there_is_and_says_when_there_is_more) {
  redis::RedisServer server;
  for (LimitRule rule : {LimitRule::gcra(5, 1h, 5), LimitRule::sliding(5, 1h), LimitRule::quota(5, 1h)}) {
    Count count(server, rule);
    count.forget();
    Given first = count.ask(3, 1);
    EXPECT_EQ(first.granted, 3u) << first.words;
    EXPECT_EQ(first.remaining, 2u) << first.words;
    EXPECT_EQ(first.retry, 0u) << first.words;
    EXPECT_GT(first.whole, 0u) << first.words;
    EXPECT_EQ(count.ask(3, 3).granted, 0u) << "of less than the least nothing is taken";
    Given last = count.ask(3, 1);
    EXPECT_EQ(last.granted, 2u) << last.words;
    EXPECT_EQ(last.remaining, 0u) << last.words;
    EXPECT_GT(last.retry, 0u) << last.words;
    EXPECT_LE(last.retry, last.whole) << last.words;
    EXPECT_EQ(count.ask(1, 1).granted, 0u);
    EXPECT_GT(count.lives_milliseconds(), 0);
  }
}

// Random askings and pauses, a whole window and more among them: what the gateway counts in memory is what Redis counts.
TEST(RedisLimitStore, a_sliding_window_in_redis_is_that_in_memory) {
  redis::RedisServer server;
  for (LimitRule rule : {LimitRule::sliding(7, 60s), LimitRule::sliding(1, 100s), LimitRule::sliding(1'000, 24h * 30),
                         LimitRule::sliding(kSlidingCountMax, 60s)}) {
    Count count(server, rule);
    count.forget();
    Random random(rule.most);
    auto window = static_cast<uint64_t>(rule.window.count()) / kMicrosecond;
    uint64_t now = (1'800'000'000'000'000 / window) * window, word = 0;
    for (int i = 0; i < 1'500; ++i) {
      now += random.below(10) == 0 ? random.below(window * 5 / 2) : random.below(window / 5);
      if (random.below(20) == 0) now -= now % window;   // on the edge
      uint64_t most = 1 + random.below(rule.most), least = 1 + random.below(most);
      Given given = count.ask_at(now, most, least);
      uint64_t there = charge(rule, word, now * kMicrosecond, 1, Charge::look).standing.remaining;
      uint64_t granted = there < least ? 0 : std::min(there, most);
      Charged charged = charge(rule, word, now * kMicrosecond, granted, granted > 0 ? Charge::take : Charge::look);
      word = charged.word;
      ASSERT_EQ(given.granted, granted) << i << ": " << given.words;
      ASSERT_EQ(given.remaining, charged.standing.remaining) << i << ": " << given.words;
      ASSERT_EQ(given.whole * kMicrosecond, static_cast<uint64_t>(charged.standing.whole.count())) << i;
      Duration retry = charge(rule, word, now * kMicrosecond, 1, Charge::look).standing.retry;
      ASSERT_EQ(given.retry, (static_cast<uint64_t>(retry.count()) + kMicrosecond - 1) / kMicrosecond) << i << ": " << given.words;
      if (granted > 0) {
        ASSERT_LE(count.lives_milliseconds(), static_cast<long>(given.whole / 1'000 + 1)) << i;
        ASSERT_LE(given.whole, 2 * window);
      }
    }
  }
}

TEST(RedisLimitStore, a_sliding_window_is_on_redis_clock_and_read_by_hand) {
  redis::RedisServer server;
  Count count(server, LimitRule::sliding(100, 24h * 100));
  uint64_t window = 100ULL * 86'400 * 1'000'000, number = count.now_microseconds() / window;
  EXPECT_EQ(count.ask(30, 1).granted, 30u);
  EXPECT_EQ(count.kept(), std::to_string(number) + " 30 0");
  count.keep(std::to_string(number - 1) + " 100 50");   // the window before this one, by the share of it in sight
  uint64_t elapsed = count.now_microseconds() % window;
  Given given = count.ask(1, 1);
  auto in_sight = (100 * (window - elapsed) + window - 1) / window;
  EXPECT_NEAR(static_cast<double>(given.remaining + given.granted), static_cast<double>(100 - in_sight), 1);
}

// By a user who writes there, or of a limit of another kind that had this name.
TEST(RedisLimitStore, what_is_no_sliding_window_is_unused) {
  redis::RedisServer server;
  Count count(server, LimitRule::sliding(5, 1h));
  uint64_t now = 1'800'000'000'000'000, number = now / 3'600'000'000;
  std::string current = std::to_string(number), long_digits(400, '9');
  for (const std::string& text : std::vector<std::string>{
           "", "x", "5", "1800000000000000", current, current + " 5", current + " 5 x", current + " -5 5", current + " 5 5 5",
           current + " nan nan", current + " 5 5\n", " " + current + " 5 5", current + ".0 5 5", current + " 1e9 5",
           std::to_string(number - 2) + " 5 5", std::to_string(number + 2) + " 5 5", long_digits + " 5 5",
           std::string("\0\xff\xfe 1 1", 7), std::string(100'000, 'x')}) {
    count.keep(text);
    Given given = count.ask_at(now, 2, 1);
    EXPECT_EQ(given.granted, 2u) << text;
    EXPECT_EQ(given.remaining, 3u) << text;
    EXPECT_EQ(count.kept(), current + " 2 0") << text;
    EXPECT_GT(count.lives_milliseconds(), 0);
  }
  for (const std::string& most : {std::string("4000000000"), long_digits}) {   // no more than the whole limit
    count.keep(current + " " + most + " " + most);
    Given given = count.ask_at(now, 1, 1);
    EXPECT_EQ(given.granted, 0u) << most;
    EXPECT_EQ(given.remaining, 0u) << most;
    EXPECT_GT(given.retry, 0u) << most;
    EXPECT_LE(given.retry, given.whole) << most;
    EXPECT_EQ(given.whole, 7'200'000'000u) << most;
  }
}

// A replica that has become the master and whose clock is a little behind gives nothing twice.
TEST(RedisLimitStore, a_clock_that_goes_back_over_the_edge_of_a_window_gives_nothing_twice) {
  redis::RedisServer server;
  Count count(server, LimitRule::sliding(5, 1h));
  count.forget();
  uint64_t edge = 1'800'000'000'000'000 / 3'600'000'000 * 3'600'000'000;
  EXPECT_EQ(count.ask_at(edge + 1'000, 5, 1).granted, 5u);
  EXPECT_EQ(count.ask_at(edge - 1'000, 5, 1).granted, 0u);
  EXPECT_EQ(count.ask_at(edge + 2'000, 5, 1).granted, 0u);
}

}  // namespace
}  // namespace sluice::policy
