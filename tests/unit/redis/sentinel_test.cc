// Masters that change, as sentinels see it: real redis-servers, one replica, real sentinels.
#include <gtest/gtest.h>

#include <csignal>

#include "redis/sentinel.h"
#include "unit/redis/client_fixture.h"

namespace sluice::redis {
namespace {

std::string sentinel_config(uint16_t master_port) {
  std::string at = "sentinel monitor main 127.0.0.1 " + std::to_string(master_port) + " 1\n";
  return at + "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
              "protected-mode no\n";
}

/// A master, its replica, and a sentinel that watches them.
struct Watched {
  Watched() : replica({.arguments = {"--replicaof", "127.0.0.1 " + std::to_string(master.port())}}),
              sentinel({.sentinel = true, .config = sentinel_config(master.port())}) {
    net::TestLoop loop;
    EXPECT_TRUE(loop.until([&] {
      return replica.ask({"INFO", "replication"}).find("link_status:up") != std::string::npos &&
             sentinel.ask({"SENTINEL", "MASTER", "main"}).find("num-slaves 1") != std::string::npos;
    }));
  }
  Options options() {
    Options out = at_port(sentinel.port());
    out.layout = Layout::sentinel;
    out.master = "main";
    return out;
  }
  RedisServer master;
  RedisServer replica;
  RedisServer sentinel;
};

TEST(Sentinel, names_the_master_and_the_failover_is_followed) {
  Watched redis;
  Options options = redis.options();
  options.places.insert(options.places.begin(), {"127.0.0.1", free_port()});   // one sentinel is down
  ClientFixture fixture(options);
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}, seconds(5)), "answered OK");
  ASSERT_TRUE(fixture.loop.until([&] { return redis.replica.ask({"GET", "a"}) == "1"; }));
  redis.master.kill();
  ASSERT_TRUE(fixture.loop.until([&] { return !fixture.client->up(); }));
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"INCR", "a"}, seconds(2)), "answered 2");
  EXPECT_EQ(redis.replica.ask({"GET", "a"}), "2");
}

TEST(Sentinel, a_failover_by_hand_under_load_answers_every_command) {
  Watched redis;
  ClientFixture fixture(redis.options());
  ASSERT_TRUE(fixture.up());
  // It has to have heard of the replica's offset first.
  ASSERT_TRUE(fixture.loop.until([&] { return redis.sentinel.ask({"SENTINEL", "FAILOVER", "main"}) == "OK"; }));
  Listener listener;
  uint64_t taken = 0;
  std::string_view words[] = {"INCR", "n"};
  ASSERT_TRUE(fixture.loop.until([&] {
    if (fixture.client->send({.arguments = words}, listener)) ++taken;
    return redis.replica.ask({"ROLE"}).substr(0, 6) == "master" && redis.replica.ask({"GET", "n"}) != "(nil)";
  }));
  ASSERT_TRUE(fixture.loop.until([&] { return listener.got.size() == taken; }));
  EXPECT_EQ(fixture.client->queued(), 0U);
}

TEST(Sentinel, a_named_master_that_is_none_takes_no_command) {
  Watched redis;
  // A second opinion that is wrong: this sentinel thinks that the replica is the master.
  RedisServer wrong({.sentinel = true, .config = sentinel_config(redis.replica.port())});
  Options options = redis.options();
  options.places[0].port = wrong.port();
  ClientFixture fixture(options);
  fixture.wait(milliseconds(300));
  EXPECT_FALSE(fixture.client->up());
  EXPECT_EQ(redis.replica.ask({"INFO", "commandstats"}).find("cmdstat_set:"), std::string::npos);
}

TEST(Sentinel, a_name_that_no_sentinel_knows_is_away_with_its_reason) {
  Watched redis;
  LogCatcher log;
  Options options = redis.options();
  options.master = "other";
  ClientFixture fixture(options);
  EXPECT_EQ(fixture.ask({"PING"}), "timeout");
  ASSERT_TRUE(fixture.loop.until([&] { return fixture.ask({"PING"}) == "unsent away"; }));
  ASSERT_TRUE(fixture.loop.until([&] { return log.count("redis away") == 1; }));
  EXPECT_EQ(log.count("knows no master of that name"), 1) << log.text();
}

TEST(Sentinel, all_sentinels_away_the_known_master_serves_on) {
  Watched redis;
  ClientFixture fixture(redis.options());
  ASSERT_TRUE(fixture.up());
  redis.sentinel.kill();
  fixture.wait(milliseconds(300));
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
}

}  // namespace
}  // namespace sluice::redis
