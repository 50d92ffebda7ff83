#include "policy/auth/shared_stored_uses.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <thread>

#include "base/hash.h"
#include "unit/policy/reach.h"
#include "unit/redis/server.h"

namespace sluice::policy {
namespace {

using std::chrono::milliseconds;

KeyHash key_of(uint64_t number) {
  Random random(number);
  KeyHash key;
  for (size_t i = 0; i < key.bytes.size(); i += 8) {
    uint64_t word = random.next();
    std::memcpy(key.bytes.data() + i, &word, 8);
  }
  return key;
}
WallTime at(int64_t seconds) { return WallTime(std::chrono::seconds(1'800'000'000 + seconds)); }

TEST(SharedUseGaps, let_one_write_in_a_gap) {
  SharedUseGaps gaps;
  EXPECT_TRUE(gaps.claim(key_of(1), at(0)));
  EXPECT_TRUE(gaps.claim(key_of(2), at(30)));
  for (int64_t second : {0, 1, 59}) EXPECT_FALSE(gaps.claim(key_of(1), at(second))) << second;
  EXPECT_TRUE(gaps.claim(key_of(1), at(60)));
  EXPECT_FALSE(gaps.claim(key_of(1), at(59))) << "another worker's clock";
  EXPECT_FALSE(gaps.claim(key_of(2), at(89)));
  EXPECT_TRUE(gaps.claim(key_of(1), at(-3600))) << "the wall's clock was put back";
}

TEST(SharedUseGaps, are_bounded_and_come_free_again) {
  constexpr uint64_t kKeys = 100'000;
  constexpr size_t kMost = SharedUseGaps::kLines * SharedUseGaps::kWays;
  std::vector<KeyHash> keys;
  for (uint64_t i = 0; i < kKeys; ++i) keys.push_back(key_of(i));
  SharedUseGaps gaps;
  for (int64_t second : {0, 60, 120}) {
    size_t claimed = 0;
    for (int round = 0; round < 2; ++round)
      for (const KeyHash& key : keys) claimed += gaps.claim(key, at(second)) ? 1 : 0;
    EXPECT_LE(claimed, kMost);
    EXPECT_GT(claimed, kMost * 9 / 10);
  }
}

TEST(SharedUseGaps, of_several_threads_one_writes) {
  constexpr uint64_t kKeys = 5'000;
  SharedUseGaps gaps;
  std::vector<std::atomic<int>> claimed(kKeys);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (uint64_t key = 0; key < kKeys; ++key) claimed[key] += gaps.claim(key_of(key), at(0)) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t sum = 0;
  for (auto& count : claimed) {
    EXPECT_LE(count, 1);
    sum += static_cast<uint64_t>(count);
  }
  EXPECT_GT(sum, kKeys * 9 / 10);   // of two that take one place one waits for the next gap
}

class SharedStoredUsesTest : public testing::Test {
 protected:
  SharedStoredUsesTest() {
    signal(SIGPIPE, SIG_IGN);
    options.name = "main";
    options.places = {{"127.0.0.1", server.port()}};
    options.command_timeout = milliseconds(net::kSanitized ? 3000 : 1000);
    instance = std::make_shared<redis::Instance>(options);
    client = std::make_unique<redis::Client>(redis::Parts{reach.loop, reach.tls_io, random, nullptr, counters}, options);
    instance->set_client(0, client.get());
    uses = std::make_shared<SharedStoredUses>("partners", instance);
    EXPECT_TRUE(reach.loop.until([&] { return client->up(); }));
  }
  ~SharedStoredUsesTest() override {
    client.reset();
    reach.loop.settle(3);
  }
  void note(uint64_t key) {
    TestCall test("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    test.call.clock_ = &clock;
    test.call.reach_ = &reach.reach;
    uses->note(test.call, key_of(key));
  }
  void settle() {
    EXPECT_TRUE(reach.loop.until([&] { return client->queued() == 0; }));
  }
  static std::string name_of(uint64_t key) {
    return std::string(kStoredUsePrefix) + config::TextForm<KeyHash>::print(key_of(key));
  }
  std::string kept(uint64_t key) {
    settle();
    return server.ask({"GET", name_of(key)});
  }

  redis::RedisServer server;
  TestReach reach;
  Random random{1};
  FakeClock clock;
  StoreCounters counters;
  redis::Options options;
  std::shared_ptr<redis::Instance> instance;
  std::unique_ptr<redis::Client> client;
  std::shared_ptr<SharedStoredUses> uses;
};

TEST_F(SharedStoredUsesTest, a_use_is_kept_as_a_time_for_long_and_written_once_a_minute) {
  note(1);
  std::string first = kept(1);
  ASSERT_EQ(first.size(), 24u) << first;
  EXPECT_EQ(first.substr(10, 1) + first.substr(23), "TZ") << first;
  EXPECT_GT(std::stol(server.ask({"TTL", name_of(1)})), 399 * 24 * 3600);
  uint64_t commands = counters.commands.value();
  clock.advance(std::chrono::seconds(59));
  for (int i = 0; i < 100; ++i) note(1);
  EXPECT_EQ(kept(1), first);
  EXPECT_EQ(counters.commands.value(), commands);
  clock.advance(std::chrono::seconds(1));
  note(1);
  EXPECT_GT(kept(1), first);
  EXPECT_EQ(counters.commands.value(), commands + 1);
}

TEST_F(SharedStoredUsesTest, whether_any_may_be_written_is_asked_once) {
  for (uint64_t key = 0; key < 10; ++key) note(key);
  EXPECT_EQ(counters.commands.value(), 1u);
  settle();
  for (uint64_t key = 0; key < 10; ++key) note(key);
  for (uint64_t key = 0; key < 10; ++key) EXPECT_NE(kept(key), "(nil)") << key;
}

TEST_F(SharedStoredUsesTest, what_redis_refuses_is_not_tried_again) {
  server.ask({"ACL", "SETUSER", "default", "-set"});
  for (int turn = 0; turn < 3; ++turn) {
    for (uint64_t key = 0; key < 10; ++key) note(key);
    settle();
    clock.advance(kStoredUseGap);
  }
  EXPECT_EQ(counters.commands.value(), 1u);
  server.ask({"ACL", "SETUSER", "default", "+set"});
  note(1);
  EXPECT_EQ(kept(1), "(nil)");
}

TEST_F(SharedStoredUsesTest, a_redis_that_cannot_write_now_is_none_that_is_away) {
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  for (uint64_t key = 0; key < 20; ++key) {
    note(key);
    settle();
  }
  EXPECT_TRUE(client->up());
  EXPECT_EQ(counters.commands.value(), 20u);
  for (StoreFailure failure : {StoreFailure::unfit, StoreFailure::refused, StoreFailure::lost})
    EXPECT_EQ(counters.failure(failure).value(), 0u);
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  note(100);
  EXPECT_NE(kept(100), "(nil)");
}

TEST_F(SharedStoredUsesTest, a_queue_that_is_full_by_a_quarter_is_left_to_requests) {
  note(1);
  settle();
  server.freeze();
  for (uint64_t key = 10; key < 10 + options.queue_max; ++key) note(key);
  EXPECT_LE(client->queued(), options.queue_max / 4);
  EXPECT_GT(client->queued(), 0u);
  server.thaw();
}

TEST_F(SharedStoredUsesTest, without_a_client_nothing_is_noted) {
  instance->set_client(0, nullptr);
  note(1);
  EXPECT_EQ(counters.commands.value(), 0u);
  instance->set_client(0, client.get());
  server.kill();
  EXPECT_TRUE(reach.loop.until([&] { return !client->up(); }));
  note(1);
  EXPECT_EQ(client->queued(), 0u);
}

}  // namespace
}  // namespace sluice::policy
