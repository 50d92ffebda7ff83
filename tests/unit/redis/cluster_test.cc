// A real cluster of three nodes, its slots moved about.
#include "redis/cluster.h"

#include <gtest/gtest.h>

#include <memory>

#include "redis/slot.h"
#include "unit/redis/client_fixture.h"

namespace sluice::redis {
namespace {

constexpr uint16_t kThird = kSlots / 3;

/// Three masters that know each other; slots in thirds.
class ThreeNodes {
 public:
  ThreeNodes() {
    for (size_t i = 0; i < 3; ++i) {
      ServerSpec spec;
      spec.config = "cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 1000\n"
                    "cluster-require-full-coverage no\n";
      nodes.push_back(std::make_unique<RedisServer>(spec));
      ids.push_back(nodes[i]->ask({"CLUSTER", "MYID"}));
      size_t last = i == 2 ? kSlots - 1U : (i + 1) * kThird - 1U;
      EXPECT_EQ(nodes[i]->ask({"CLUSTER", "ADDSLOTSRANGE", std::to_string(i * kThird), std::to_string(last)}), "OK");
      EXPECT_EQ(nodes[i]->ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}), "OK");
    }
    for (size_t i = 1; i < 3; ++i) {
      nodes[i]->ask({"CLUSTER", "MEET", "127.0.0.1", std::to_string(nodes[0]->port())});
    }
    net::TestLoop loop;
    EXPECT_TRUE(loop.until([&] {
      for (auto& node : nodes) {
        std::string info = node->ask({"CLUSTER", "INFO"});
        if (info.find("cluster_state:ok") == info.npos || info.find("cluster_slots_ok:16384") == info.npos ||
            info.find("cluster_known_nodes:3") == info.npos) {
          return false;
        }
      }
      return true;
    }));
  }

  Options options(size_t seed = 0) const {
    Options out = at_port(nodes[seed]->port());
    out.layout = Layout::cluster;
    return out;
  }
  RedisServer& of(std::string_view key) { return *nodes[owner(key)]; }
  size_t owner(std::string_view key) { return std::min<size_t>(key_slot(key) / kThird, 2); }

  void tell_all(std::initializer_list<std::string> command) {
    for (auto& node : nodes) node->ask(command);
  }
  /// Moves the slot of one key, and the key, as resharding does.
  void move(const std::string& key, size_t to) {
    std::string slot = std::to_string(key_slot(key));
    size_t from = owner(key);
    nodes[to]->ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from]});
    nodes[from]->ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to]});
    nodes[from]->ask({"MIGRATE", "127.0.0.1", std::to_string(nodes[to]->port()), key, "0", "1000"});
  }
  void finish_move(const std::string& key, size_t to) {
    tell_all({"CLUSTER", "SETSLOT", std::to_string(key_slot(key)), "NODE", ids[to]});
  }

  std::vector<std::unique_ptr<RedisServer>> nodes;
  std::vector<std::string> ids;
};

TEST(Cluster, keys_go_to_their_nodes_over_one_connection_each) {
  ThreeNodes cluster;
  ClientFixture fixture(cluster.options());
  ASSERT_TRUE(fixture.up());
  for (int i = 0; i < 60; ++i) {
    std::string key = "key" + std::to_string(i);
    ASSERT_EQ(fixture.ask_key(key, {"SET", key, "v"}), "answered OK");
    ASSERT_EQ(cluster.of(key).ask({"GET", key}), "v");
  }
  EXPECT_EQ(fixture.counters.connects.value(), 3U);
  EXPECT_EQ(fixture.counters.failure(StoreFailure::refused).value(), 0U);
  EXPECT_EQ(fixture.ask({"PING"}), "answered PONG");   // without a key: any
}

TEST(Cluster, keys_with_the_same_tag_are_on_the_same_node_and_scripts_find_them) {
  ThreeNodes cluster;
  ClientFixture fixture(cluster.options(1));
  Script script("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])");
  for (const char* key : {"{alice}:1", "{bob}:1", "{carol}:1", "{alice}:2"}) {
    ASSERT_EQ(fixture.run(script, key, {"x"}), "answered x");
    ASSERT_EQ(cluster.of(key).ask({"GET", key}), "x");
  }
  cluster.tell_all({"SCRIPT", "FLUSH"});
  EXPECT_EQ(fixture.run(script, "{bob}:1", {"y"}), "answered y");
}

TEST(Cluster, a_slot_that_is_moving_and_then_has_moved_is_followed) {
  ThreeNodes cluster;
  ClientFixture fixture(cluster.options());
  ASSERT_TRUE(fixture.up());
  const std::string key = "wanderer", same_slot = "{wanderer}:2";
  size_t to = (cluster.owner(key) + 1) % 3;
  Script script("return redis.call('INCR', KEYS[1])");
  ASSERT_EQ(fixture.run(script, key, {}), "answered 1");
  cluster.move(key, to);
  EXPECT_EQ(fixture.run(script, key, {}), "answered 2");   // ASK, and NOSCRIPT there
  EXPECT_EQ(fixture.run(script, same_slot, {}), "answered 1");
  cluster.finish_move(key, to);
  EXPECT_EQ(fixture.run(script, key, {}), "answered 3");   // MOVED
  EXPECT_EQ(cluster.nodes[to]->ask({"GET", key}), "3");
  fixture.wait(kRefreshGap * 2);
  cluster.nodes[to]->ask({"CONFIG", "RESETSTAT"});
  EXPECT_EQ(fixture.run(script, key, {}), "answered 4");
  EXPECT_EQ(fixture.counters.failure(StoreFailure::unfit).value(), 0U);
  EXPECT_EQ(fixture.counters.failure(StoreFailure::refused).value(), 0U);
}

TEST(Cluster, one_node_away_the_others_serve_on) {
  ThreeNodes cluster;
  ClientFixture fixture(cluster.options());
  ASSERT_TRUE(fixture.up());
  std::string gone, stays;
  for (int i = 0; gone.empty() || stays.empty(); ++i) {
    std::string key = "k" + std::to_string(i);
    (cluster.owner(key) == 2 ? gone : stays) = key;
    ASSERT_EQ(fixture.ask_key(key, {"SET", key, "v"}), "answered OK");
  }
  cluster.nodes[2]->kill();
  ASSERT_TRUE(fixture.loop.until([&] {
    std::string answer = fixture.ask_key(gone, {"GET", gone});
    return answer == "unsent away" || answer.starts_with("unfit");
  }));
  EXPECT_EQ(fixture.ask_key(stays, {"GET", stays}), "answered v");
  EXPECT_TRUE(fixture.client->up());
  cluster.nodes[2]->start();
  ASSERT_TRUE(fixture.loop.until([&] { return fixture.ask_key(gone, {"SET", gone, "w"}) == "answered OK"; }));
}

TEST(Cluster, a_server_that_is_no_cluster_is_away_with_its_reason) {
  LogCatcher log;
  RedisServer server;
  Options options = at_port(server.port());
  options.layout = Layout::cluster;
  ClientFixture fixture(options);
  ASSERT_TRUE(fixture.loop.until([&] { return log.count("redis away") == 1; }));
  EXPECT_EQ(log.count("is no node of a cluster"), 1) << log.text();
}

}  // namespace
}  // namespace sluice::redis
