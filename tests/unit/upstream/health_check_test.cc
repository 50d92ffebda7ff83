#include "upstream/health_check.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "fakes/dns_server.h"
#include "net/tls.h"
#include "unit/net/certificates.h"
#include "unit/net/loopback.h"

namespace sluice::upstream {
namespace {

using std::chrono::milliseconds;

/// A server on loopback that says "200" or whatever it is told; "" is nothing at all.
struct Server {
  explicit Server(net::TestLoop& loop) : socket(net::listen_on("127.0.0.1:1")), listener(loop, door) {
    EXPECT_TRUE(listener.start(socket));
    door.prepare = [this, &loop](net::End& end) {
      end.at_read = [this, &loop, &end](const Slice&) {
        if (!end.received.ends_with("\r\n\r\n")) return;
        ++asked;
        request = end.received;
        if (status.empty()) return;
        EXPECT_TRUE(end.send(loop, "HTTP/1.1 " + status + " X\r\nContent-Length: 0\r\n\r\n"));
      };
    };
  }
  EndpointTarget target() const {
    EndpointTarget target;
    target.address = socket.address();
    target.server_name = "127.0.0.1";
    return target;
  }

  net::Door door;
  net::ListenSocket socket;
  net::Listener listener;
  std::string status = "200";
  std::string request;   // the last one
  int asked = 0;
};

class HealthCheckTest : public ::testing::Test, public HealthCheck::Owner {
 protected:
  HealthCheckTest() {
    signal(SIGPIPE, SIG_IGN);
    health().every = milliseconds(10);
    health().timeout = milliseconds(net::kSanitized ? 1000 : 200);
  }
  ~HealthCheckTest() override {
    {
      LoopTurn turn(loop);
      checks.clear();
    }
    loop.settle(3);
    EXPECT_EQ(under_way.value, 0u);
  }
  HealthConfig& health() {
    if (!settings.config.health) settings.config.health.emplace();
    return *settings.config.health;
  }
  HealthCheck& start(const std::vector<EndpointTarget>& targets) {
    settings.name = "orders";
    HealthParts parts{{loop, *resolver, tls_io}, websockets, random, under_way};
    checks.push_back(std::make_unique<HealthCheck>(parts, settings, *this));
    list = std::make_shared<EndpointList>();
    list->targets = targets;
    set(*checks.back());
    return *checks.back();
  }
  void set(HealthCheck& check) {
    LoopTurn turn(loop);
    check.set_servers(*list);
  }
  /// 'u' or 'd' for each server.
  std::string states(const HealthCheck& check) const {
    auto judged = check.judge(list);
    std::string out;
    for (size_t i = 0; i < judged->targets.size(); ++i) out += judged->is_down(i) ? 'd' : 'u';
    return out;
  }
  bool become(const HealthCheck& check, const std::string& wanted) {
    return loop.until([&] { return states(check) == wanted; });
  }
  std::vector<observe::HealthFacts::Endpoint> facts(const HealthCheck& check) {
    observe::HealthFacts out;
    check.add_facts(out);
    return out.endpoints;
  }
  void on_health_changed(const HealthCheck&) override { ++changes; }

  net::TestLoop loop;
  net::TlsIo tls_io{loop};
  net::FakeDnsServer dns{loop};
  std::unique_ptr<net::Resolver> resolver = *net::Resolver::make(loop, {.servers = dns.at()});
  Mailbox mailbox{loop};
  WebSocketProbing websockets{mailbox};
  Random random{1};
  ProbeCount under_way;
  HealthSettings settings;
  std::shared_ptr<EndpointList> list;
  std::vector<std::unique_ptr<HealthCheck>> checks;
  int changes = 0;
};

TEST_F(HealthCheckTest, asks_each_server_and_tells_of_changes_only) {
  Server good(loop), bad(loop);
  bad.status = "503";
  HealthCheck& check = start({good.target(), bad.target()});
  EXPECT_EQ(states(check), "uu");   // until they are asked
  ASSERT_TRUE(become(check, "ud"));
  EXPECT_EQ(changes, 1);
  ASSERT_TRUE(loop.until([&] { return good.asked >= 5 && bad.asked >= 5; }));
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(facts(check)[1].failure, "status 503");
  EXPECT_GE(facts(check)[0].passed, 4u);
  EXPECT_GE(facts(check)[1].failed, 4u);
  bad.status = "302";
  ASSERT_TRUE(become(check, "uu"));
  EXPECT_EQ(facts(check)[1].failure, "");
  EXPECT_EQ(changes, 2);
}

TEST_F(HealthCheckTest, asks_for_what_is_configured) {
  health().path.text = "/healthz?deep=1";
  health().host = "orders.internal";
  health().expect = {{204, 204}, {401, 403}};
  Server server(loop);
  server.status = "402";
  HealthCheck& check = start({server.target()});
  ASSERT_TRUE(loop.until([&] { return server.asked > 0; }));
  EXPECT_TRUE(server.request.starts_with("GET /healthz?deep=1 HTTP/1.1\r\nHost: orders.internal\r\n")) << server.request;
  ASSERT_TRUE(loop.until([&] { return facts(check)[0].passed > 0; }));
  server.status = "200";
  ASSERT_TRUE(become(check, "d"));
}

TEST_F(HealthCheckTest, names_the_server_itself_without_a_host) {
  Server server(loop);
  start({server.target()});
  ASSERT_TRUE(loop.until([&] { return server.asked > 0; }));
  EXPECT_NE(server.request.find("\r\nHost: " + server.socket.address().to_string() + "\r\n"), std::string::npos);
}

TEST_F(HealthCheckTest, may_ask_another_port) {
  Server server(loop);
  EndpointTarget elsewhere = server.target();
  elsewhere.address = net::SocketAddress(elsewhere.address.ip(), 1);   // nobody is there
  health().port = server.socket.address().port();
  HealthCheck& check = start({elsewhere});
  ASSERT_TRUE(loop.until([&] { return facts(check)[0].passed > 2; }));
  EXPECT_EQ(facts(check)[0].endpoint, "127.0.0.1:1");
}

TEST_F(HealthCheckTest, a_server_that_is_silent_late_or_gone_is_down) {
  Server silent(loop);
  silent.status = "";
  EndpointTarget gone;
  {
    net::ListenSocket closed = net::listen_on("127.0.0.1:1");
    gone.address = closed.address();
  }
  EndpointTarget nowhere;
  nowhere.address = net::SocketAddress::unix_path("/nonexistent/socket");
  HealthCheck& check = start({silent.target(), gone, nowhere});
  ASSERT_TRUE(become(check, "ddd"));
  EXPECT_EQ(facts(check)[0].failure, "no whole answer in time");
  EXPECT_NE(facts(check)[1].failure, "");
  EXPECT_NE(facts(check)[2].failure, "");
}

TEST_F(HealthCheckTest, an_answer_that_is_too_long_is_none) {
  Server server(loop);
  server.status = "200 OK\r\nX: y\r\nContent-Length: 100000\r\n\r\nHTTP/1.1 200";
  HealthCheck& check = start({server.target()});
  ASSERT_TRUE(become(check, "d"));
  EXPECT_FALSE(facts(check)[0].failure.empty());
}

TEST_F(HealthCheckTest, servers_that_stay_keep_their_state_and_new_ones_are_up_until_asked) {
  Server first(loop), second(loop);
  first.status = "500";
  HealthCheck& check = start({first.target()});
  ASSERT_TRUE(become(check, "d"));
  health().every = std::chrono::hours(1);
  list = std::make_shared<EndpointList>();
  list->targets = {second.target(), first.target(), first.target()};   // named twice: asked once
  set(check);
  EXPECT_EQ(states(check), "udd");
  EXPECT_EQ(facts(check).size(), 2u);
}

TEST_F(HealthCheckTest, who_comes_after_takes_over_what_was_known) {
  Server first(loop), second(loop);
  first.status = "500";
  HealthCheck& before = start({first.target()});
  ASSERT_TRUE(become(before, "d"));
  uint64_t failed = facts(before)[0].failed;
  health().every = std::chrono::hours(1);
  HealthCheck& after = start({first.target(), second.target()});
  EXPECT_EQ(states(after), "uu");
  after.take_over(before);
  EXPECT_EQ(states(after), "du");
  EXPECT_EQ(facts(after)[0].failed, failed);
}

TEST_F(HealthCheckTest, only_so_many_are_asked_at_a_time) {
  Server server(loop);
  under_way.value = ProbeCount::kMax;
  HealthCheck& check = start({server.target()});
  loop.settle(30);
  EXPECT_EQ(server.asked, 0);
  under_way.value = 0;
  ASSERT_TRUE(loop.until([&] { return facts(check)[0].passed > 0; }));
}

TEST_F(HealthCheckTest, over_tls_the_certificate_counts) {
  net::Certificates made;
  net::CertificateFiles ca = made.make("ca", {.common_name = "test ca", .authority = true});
  net::CertificateFiles own = made.make("own", {.alternatives = "IP:127.0.0.1"}, &ca);
  auto context = net::TlsServerContext::load({.certificates = {own}});
  ASSERT_TRUE(context);
  Server server(loop);
  server.door.wrap = [&](net::TransportPtr inner) { return net::accept_tls(tls_io, std::move(inner), *context); };
  settings.tls = *net::SharedClientTls::load("upstream.orders", {.ca_file = ca.certificate});
  HealthCheck& trusts = start({server.target()});
  ASSERT_TRUE(loop.until([&] { return facts(trusts)[0].passed > 2; }));
  net::CertificateFiles other = made.make("other", {.common_name = "other ca", .authority = true});
  settings.tls = *net::SharedClientTls::load("upstream.orders", {.ca_file = other.certificate});
  HealthCheck& doubts = start({server.target()});
  ASSERT_TRUE(become(doubts, "d"));
  EXPECT_TRUE(facts(doubts)[0].failure.starts_with("no connection: ")) << facts(doubts)[0].failure;
}

TEST_F(HealthCheckTest, grpc_needs_more_than_http) {
  health().type = HealthType::grpc;
  settings.config.protocol = Protocol::h2c;
  Server server(loop);   // which speaks HTTP/1.1
  HealthCheck& check = start({server.target()});
  ASSERT_TRUE(become(check, "d"));
  EXPECT_FALSE(facts(check)[0].failure.empty());
}

}  // namespace
}  // namespace sluice::upstream
