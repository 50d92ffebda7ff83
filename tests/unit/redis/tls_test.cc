// TLS to a real redis-server, which asks for our certificate.
#include <gtest/gtest.h>

#include "unit/net/certificates.h"
#include "unit/redis/client_fixture.h"

namespace sluice::redis {
namespace {

class Tls : public testing::Test {
 protected:
  Tls() {
    ca = made.make("ca", {.common_name = "test ca", .authority = true});
    server_pair = made.make("server", {.common_name = "redis", .alternatives = "DNS:redis.internal,IP:127.0.0.1"}, &ca);
    client_pair = made.make("client", {.common_name = "sluice"}, &ca);
    other_ca = made.make("other", {.common_name = "other ca", .authority = true});
  }
  Options options(uint16_t port, const std::string& authority) {
    net::TlsClientOptions tls;
    tls.ca_file = authority;
    tls.certificate = client_pair;
    tls.protocols.clear();
    auto loaded = net::SharedClientTls::load("redis.main", tls);
    EXPECT_TRUE(loaded) << loaded.error().reason;
    Options out = at_port(port);
    out.tls = *loaded;
    return out;
  }
  ServerSpec secured() {
    return {.certificate = server_pair.certificate, .key = server_pair.key, .authority = ca.certificate};
  }

  net::Certificates made;
  net::CertificateFiles ca, server_pair, client_pair, other_ca;
};

TEST_F(Tls, a_verified_server_and_a_verified_client) {
  RedisServer server(secured());
  ClientFixture fixture(options(server.port(), ca.certificate));
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
  std::string value = net::pattern(100'000);
  EXPECT_EQ(fixture.ask({"ECHO", value}, seconds(5)), "answered " + value);
}

TEST_F(Tls, the_name_may_be_another_than_the_address) {
  RedisServer server(secured());
  Options named = options(server.port(), ca.certificate);
  named.tls_name = "redis.internal";
  ClientFixture fixture(named);
  ASSERT_TRUE(fixture.up());
}

TEST_F(Tls, a_server_that_cannot_be_verified_gets_no_command) {
  LogCatcher log;
  RedisServer server(secured());
  ClientFixture stranger(options(server.port(), other_ca.certificate));
  Options named = options(server.port(), ca.certificate);
  named.tls_name = "other.internal";
  ClientFixture wrong_name(named);
  EXPECT_TRUE(stranger.loop.until([&] { return stranger.ask({"PING"}) == "unsent away"; }));
  EXPECT_TRUE(wrong_name.loop.until([&] { return wrong_name.ask({"PING"}) == "unsent away"; }));
  EXPECT_EQ(log.count("self-signed certificate in certificate chain"), 1) << log.text();
  EXPECT_EQ(log.count("hostname mismatch"), 1) << log.text();
}

TEST_F(Tls, plain_to_a_tls_port_is_away) {
  RedisServer server(secured());
  ClientFixture fixture(at_port(server.port()));
  EXPECT_TRUE(fixture.loop.until([&] { return fixture.ask({"PING"}) == "unsent away"; }));
}

}  // namespace
}  // namespace sluice::redis
