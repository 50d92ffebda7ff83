#include "upstream/fetch.h"

#include <gtest/gtest.h>

#include <optional>

#include "fakes/dns_server.h"
#include "net/tls.h"
#include "unit/net/certificates.h"
#include "unit/net/loopback.h"

namespace sluice::upstream {
namespace {

using std::chrono::milliseconds;

TEST(FetchUrl, takes_a_url_apart) {
  auto plain = FetchUrl::parse("http://id.example");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->scheme, http::Scheme::http);
  EXPECT_EQ(plain->host, "id.example");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->path, "/");
  EXPECT_EQ(plain->text(), "http://id.example/");
  auto full = FetchUrl::parse("https://id.example:8443/realms/main/keys?a=1&b");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->scheme, http::Scheme::https);
  EXPECT_EQ(full->authority, "id.example:8443");
  EXPECT_EQ(full->port, 8443);
  EXPECT_EQ(full->path, "/realms/main/keys");
  EXPECT_EQ(full->query, "a=1&b");
  EXPECT_EQ(full->text(), "https://id.example:8443/realms/main/keys?a=1&b");
  auto bare = FetchUrl::parse("https://id.example?q");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->path, "/");
  EXPECT_EQ(bare->query, "q");
  auto ipv6 = FetchUrl::parse("https://[::1]/x");
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->port, 443);
  EXPECT_TRUE(ipv6->is_loopback());
  EXPECT_TRUE(FetchUrl::parse("http://localhost:1")->is_loopback());
  EXPECT_TRUE(FetchUrl::parse("http://127.1.2.3/")->is_loopback());
  EXPECT_FALSE(FetchUrl::parse("http://127.evil.example/")->is_loopback());
  EXPECT_FALSE(full->is_loopback());
}

TEST(FetchUrl, is_absolute_and_plain) {
  for (const char* text :
       {"", "id.example", "//id.example", "ftp://id.example", "https://", "https:///x", "https://:443/",
        "https://user@id.example/", "https://u:p@id.example/", "https://id.example/#f",
        "https://id.example:0/", "https://id.example:99999/", "https://id.example:x/",
        "https://id.example/a b", "https://id.example/\r\nX: y", "HTTPS://id.example/",
        "https://id.ex\xc3\xa4mple/"}) {
    EXPECT_FALSE(FetchUrl::parse(text)) << text;
  }
}

/// A server on loopback that gives each connection the next of its answers.
class FetchTest : public ::testing::Test, protected Fetch::Waiter {
 protected:
  FetchTest() {
    EXPECT_TRUE(listener.start(socket));
    door.prepare = [this](net::End& end) {
      end.at_read = [this, &end](const Slice&) {
        if (end.received.find("\r\n\r\n") == std::string::npos || answered > 0) return;
        if (answer.empty()) return;
        ++answered;
        EXPECT_TRUE(end.send(loop, answer));
        if (close) end.transport->finish();
      };
    };
    auto made = net::Resolver::make(loop, {.servers = dns.at()});
    EXPECT_TRUE(made);
    resolver = *std::move(made);
    fetch.emplace(FetchParts{loop, *resolver, tls_io});
  }
  ~FetchTest() override {
    fetch.reset();
    door.ends.clear();
    loop.settle(3);
  }

  void on_fetched(Result<FetchResponse, std::string> fetched) override {
    EXPECT_FALSE(result) << "an answer came twice";
    result = std::move(fetched);
  }
  FetchRequest to_server(const std::string& path = "/keys") {
    FetchRequest request;
    request.url = *FetchUrl::parse("http://127.0.0.1:" + std::to_string(socket.address().port()) + path);
    request.deadline = milliseconds(net::kSanitized ? 3000 : 1500);
    return request;
  }
  /// gives: the body, or the failure
  std::string run(FetchRequest request) {
    result.reset();
    answered = 0;
    {
      LoopTurn turn(loop);
      fetch->start(std::move(request), *this);
      EXPECT_FALSE(result);
    }
    EXPECT_TRUE(loop.until([&] { return result.has_value(); }));
    EXPECT_FALSE(fetch->active());
    return *result ? (*result)->body : result->error();
  }
  std::string received() { return door.ends.back()->received; }

  net::TestLoop loop;
  net::TlsIo tls_io{loop};
  net::Door door;
  net::ListenSocket socket = net::listen_on("127.0.0.1:1");
  net::Listener listener{loop, door};
  net::FakeDnsServer dns{loop};
  std::unique_ptr<net::Resolver> resolver;
  std::optional<Fetch> fetch;
  std::optional<Result<FetchResponse, std::string>> result;
  std::string answer;
  int answered = 0;
  bool close = false;
};

TEST_F(FetchTest, gives_the_whole_answer) {
  answer = "HTTP/1.1 200 OK\r\nContent-Type: application/jwk-set+json\r\nCache-Control: max-age=60\r\n"
           "Content-Length: 11\r\n\r\nhello world";
  EXPECT_EQ(run(to_server("/keys?x=1")), "hello world");
  EXPECT_EQ((*result)->status, 200);
  EXPECT_EQ((*result)->content_type, "application/jwk-set+json");
  EXPECT_EQ((*result)->cache_control, "max-age=60");
  EXPECT_TRUE(received().starts_with("GET /keys?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_NE(received().find("\r\nUser-Agent: sluice/"), std::string::npos);
  answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  EXPECT_EQ(run(to_server()), "hello world");
  answer = "HTTP/1.1 200 OK\r\n\r\nto the end";
  close = true;
  EXPECT_EQ(run(to_server()), "to the end");
  EXPECT_EQ(door.ends.size(), 3u);
}

TEST_F(FetchTest, keeps_the_fields_that_are_wanted) {
  answer = "HTTP/1.1 200 OK\r\nx-role: a\r\nX-Other: x\r\nX-Role: b\r\nContent-Length: 0\r\n\r\n";
  FetchRequest request = to_server();
  request.wanted = {"X-Role", "X-None"};
  EXPECT_EQ(run(std::move(request)), "");
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ((*result)->fields, (Fields{{"X-Role", "a"}, {"X-Role", "b"}}));
}

TEST_F(FetchTest, leaves_the_status_to_its_user_and_follows_no_redirect) {
  answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(run(to_server()), "");
  EXPECT_EQ((*result)->status, 302);
  EXPECT_EQ(door.ends.size(), 1u);
  answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy";
  EXPECT_EQ(run(to_server()), "busy");
  EXPECT_EQ((*result)->status, 503);
}

TEST_F(FetchTest, sends_a_body_and_headers) {
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  FetchRequest request = to_server("/introspect");
  request.method = http::Method::post;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Authorization", "Basic eA=="}};
  request.body = "token=abc";
  EXPECT_EQ(run(std::move(request)), "ok");
  EXPECT_TRUE(received().starts_with("POST /introspect HTTP/1.1\r\n"));
  EXPECT_NE(received().find("\r\nAuthorization: Basic eA==\r\n"), std::string::npos);
  EXPECT_NE(received().find("\r\nContent-Length: 9\r\n"), std::string::npos);
  EXPECT_TRUE(received().ends_with("\r\n\r\ntoken=abc"));
}

TEST_F(FetchTest, is_bounded_in_bytes) {
  FetchRequest request = to_server();
  request.bytes_max = 10;
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
  EXPECT_EQ(run(request), "0123456789");
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a";
  EXPECT_EQ(run(request), "an answer that is too large");
  answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n";
  EXPECT_EQ(run(request), "an answer that is too large");
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: " + std::string(200'000, 'x') + "\r\n\r\nx";
  EXPECT_TRUE(run(request).starts_with("the connection ended: "));
}

TEST_F(FetchTest, is_bounded_in_time) {
  FetchRequest request = to_server();
  request.deadline = milliseconds(200);
  EXPECT_EQ(run(request), "no whole answer in time");
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
  EXPECT_EQ(run(request), "no whole answer in time");
}

TEST_F(FetchTest, says_what_went_wrong) {
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
  close = true;
  EXPECT_TRUE(run(to_server()).starts_with("the connection ended: "));
  answer = "SSH-2.0-OpenSSH\r\n\r\n";
  EXPECT_TRUE(run(to_server()).starts_with("the connection ended: "));
  answer = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
  EXPECT_EQ(run(to_server()), "an answer in an encoding that was not asked for");
  net::ListenSocket nobody = net::listen_on("127.0.0.1:1");
  FetchRequest request = to_server();
  request.url.port = nobody.address().port();
  { net::ListenSocket closed = std::move(nobody); }
  EXPECT_TRUE(run(request).starts_with("no connection: "));
  request = to_server();
  request.url.scheme = http::Scheme::https;   // and no context that could verify
  EXPECT_EQ(run(request), "no connection could be begun");
}

TEST_F(FetchTest, believes_no_certificate_that_is_not_the_servers) {
  net::Certificates made;
  net::CertificateFiles ca = made.make("ca", {.common_name = "test ca", .authority = true});
  net::CertificateFiles own = made.make("own", {.alternatives = "IP:127.0.0.1"}, &ca);
  net::CertificateFiles other = made.make("other", {.common_name = "other ca", .authority = true});
  net::CertificateFiles named = made.make("named", {.alternatives = "DNS:id.example"}, &ca);
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  auto get = [&](const net::CertificateFiles& certificate, const std::string& trusted) {
    auto server = net::TlsServerContext::load({.certificates = {certificate}});
    auto client = net::TlsClientContext::load({.ca_file = trusted});
    EXPECT_TRUE(server && client);
    door.wrap = [this, context = *server](net::TransportPtr inner) {
      return net::accept_tls(tls_io, std::move(inner), context);
    };
    FetchRequest request = to_server();
    request.url.scheme = http::Scheme::https;
    request.tls = *client;
    return run(request);
  };
  EXPECT_EQ(get(own, ca.certificate), "ok");
  EXPECT_TRUE(get(own, other.certificate).starts_with("no connection: "));
  EXPECT_TRUE(get(named, ca.certificate).starts_with("no connection: "));
}

TEST_F(FetchTest, that_is_stopped_says_nothing) {
  for (int turns : {0, 1, 2, 5, 10}) {
    result.reset();
    {
      LoopTurn turn(loop);
      fetch->start(to_server(), *this);
    }
    loop.settle(turns);
    {
      LoopTurn turn(loop);
      fetch->stop();
    }
    loop.settle(5);
    EXPECT_FALSE(result);
  }
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  EXPECT_EQ(run(to_server()), "ok");
}

}  // namespace
}  // namespace sluice::upstream
