#include "upstream/discovery.h"

#include <gtest/gtest.h>

#include "fakes/dns_server.h"
#include "unit/net/loopback.h"

namespace sluice::upstream {
namespace {

/// Keeps every list: "10.0.0.1:80 10.0.0.2:80", with "?" when a name is not resolved.
struct RecordingPublisher final : Discovery::Publisher {
  void publish_endpoints(uint32_t upstream, std::shared_ptr<const EndpointList> list) override {
    EXPECT_EQ(upstream, 7u);
    std::string text;
    for (const EndpointTarget& target : list->targets) {
      text += (text.empty() ? "" : " ") + target.address.to_string();
    }
    lists.push_back(text + (list->unresolved ? "?" : ""));
    last = std::move(list);
  }
  std::vector<std::string> lists;
  std::shared_ptr<const EndpointList> last;
};

class Finding : public ::testing::Test {
 public:
  void watch(std::vector<std::string> servers) {
    for (const std::string& server : servers) {
      EndpointConfig endpoint;
      auto parsed = ServerAddress::parse(server);
      ASSERT_TRUE(parsed) << server;
      endpoint.address.value = *parsed;
      endpoint.weight = 3;
      config.servers.push_back(endpoint);
    }
    auto made = net::Resolver::make(
        loop, {.servers = dns.at(), .timeout = std::chrono::milliseconds(200), .tries = 1});
    ASSERT_TRUE(made);
    resolver = std::move(*made);
    discovery.emplace(loop, *resolver, registry, publisher);
    discovery->watch(7, "orders", config);
  }
  bool settled() {
    return loop.until([&] { return discovery->settled(); });
  }
  size_t endpoint_ids() {   // less the one for all others
    return registry.names(observe::Table::endpoint).size() - 1;
  }

  net::TestLoop loop;
  net::FakeDnsServer dns{loop};
  observe::Registry registry{1};
  RecordingPublisher publisher;
  UpstreamConfig config;
  std::unique_ptr<net::Resolver> resolver;
  std::optional<Discovery> discovery;
};

TEST_F(Finding, publishes_addresses_at_once) {
  watch({"10.0.0.1:80", "[::1]:81", "unix:/run/orders.sock"});
  EXPECT_TRUE(discovery->settled());
  ASSERT_EQ(publisher.lists.size(), 1u);
  EXPECT_EQ(publisher.lists[0], "10.0.0.1:80 [::1]:81 unix:/run/orders.sock");
  EXPECT_EQ(publisher.last->targets[0].weight, 3u);
  EXPECT_NE(publisher.last->targets[0].metrics_id, publisher.last->targets[1].metrics_id);
}

TEST_F(Finding, resolves_names_in_a_stable_order) {
  dns.addresses = {"10.0.0.9", "10.0.0.2"};
  dns.ttl_seconds = 60;
  config.tls.emplace();
  watch({"10.0.0.1:80", "orders.test:81"});
  EXPECT_FALSE(discovery->settled());
  EXPECT_EQ(publisher.lists.back(), "10.0.0.1:80?");   // what is known serves already
  ASSERT_TRUE(settled());
  EXPECT_EQ(publisher.lists.back(), "10.0.0.1:80 10.0.0.2:81 10.0.0.9:81");
  EXPECT_EQ(publisher.last->targets[1].server_name, "orders.test");   // for TLS
  EXPECT_EQ(publisher.lists.size(), 2u);
}

TEST_F(Finding, asks_again_when_the_answer_has_expired) {
  dns.addresses = {"10.0.0.1"};
  watch({"orders.test:80"});
  ASSERT_TRUE(settled());
  auto kept = publisher.last->targets[0];
  dns.addresses = {"10.0.0.2", "10.0.0.1"};
  ASSERT_TRUE(loop.until([&] { return publisher.lists.size() == 3; }));
  EXPECT_EQ(publisher.lists.back(), "10.0.0.1:80 10.0.0.2:80");
  EXPECT_EQ(publisher.last->targets[0], kept);   // the same endpoint: its connections stay
  int asked = dns.questions;
  ASSERT_TRUE(loop.until([&] { return dns.questions > asked; }));
  EXPECT_EQ(publisher.lists.size(), 3u);         // nothing new, nothing published
  EXPECT_LE(endpoint_ids(), 2u);
}

TEST_F(Finding, keeps_the_old_addresses_while_a_name_cannot_be_resolved) {
  dns.addresses = {"10.0.0.1"};
  watch({"orders.test:80"});
  ASSERT_TRUE(settled());
  dns.addresses.clear();
  int asked = dns.questions;
  ASSERT_TRUE(loop.until([&] { return dns.questions > asked; }));
  loop.settle();
  EXPECT_EQ(publisher.lists.back(), "10.0.0.1:80");
}

TEST_F(Finding, settles_though_a_name_does_not_exist) {
  watch({"nobody.test:80"});
  ASSERT_TRUE(settled());
  EXPECT_EQ(publisher.lists.back(), "?");
  EXPECT_TRUE(publisher.last->targets.empty());
}

TEST_F(Finding, gives_back_every_metric_id) {
  dns.addresses = {"10.0.0.1"};
  watch({"10.0.0.5:80", "orders.test:80"});
  ASSERT_TRUE(settled());
  EXPECT_EQ(endpoint_ids(), 2u);
  discovery.reset();
  EXPECT_EQ(endpoint_ids(), 0u);
}

}  // namespace
}  // namespace sluice::upstream
