#include "net/resolver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "unit/net/loopback.h"

namespace sluice::net {
namespace {

struct Asked final : Resolver::Answer {
  void on_resolved(Result<Resolved> got) override {
    ++answers;
    result = std::move(got);
    if (act) act();
  }
  int answers = 0;
  Result<Resolved> result{Resolved{}};
  std::function<void()> act;
};

/// A DNS server of three names on a UDP socket, driven by the same loop.
class TestDns {
 public:
  explicit TestDns(Loop& loop)
      : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
    socklen_t size = sizeof(at);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    uv_poll_init(loop.uv(), &poll_, socket_);
    poll_.data = this;
    uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
      static_cast<TestDns*>(handle->data)->answer();
    });
  }
  ~TestDns() {
    uv_poll_stop(&poll_);
    close(socket_);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  }
  std::string server() const { return "127.0.0.1:" + std::to_string(port_); }
  int questions = 0;
  bool silent = false;

 private:
  void answer() {
    char query[512];
    sockaddr_in from{};
    socklen_t from_size = sizeof(from);
    ssize_t size =
        recvfrom(socket_, query, sizeof(query), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 17) return;
    ++questions;
    if (silent) return;
    std::string name;
    size_t at = 12;
    while (query[at] != 0) {
      name +=
          (name.empty() ? "" : ".") + std::string(query + at + 1, static_cast<size_t>(query[at]));
      at += 1 + static_cast<size_t>(query[at]);
    }
    int type = query[at + 2];
    std::string reply(query, at + 5);
    reply[2] = static_cast<char>(0x84 | (query[2] & 1));
    reply[3] = static_cast<char>(0x80);
    reply.replace(4, 8, std::string("\0\1\0\0\0\0\0\0", 8));
    auto record = [&](const std::string& data, uint32_t ttl) {
      reply[7] = static_cast<char>(reply[7] + 1);
      uint32_t wire_ttl = htonl(ttl);
      reply += std::string("\xc0\x0c\0", 3) + static_cast<char>(type) + std::string("\0\1", 2);
      reply.append(reinterpret_cast<char*>(&wire_ttl), 4);
      reply += std::string(1, '\0') + static_cast<char>(data.size()) + data;
    };
    if (name == "two.test" && type == 1) {
      record(std::string("\x0a\0\0\1", 4), 300);
      record(std::string("\x0a\0\0\2", 4), 60);
    } else if (name == "two.test" && type == 28) {
      record(std::string("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16), 120);
    } else if (name == "broken.test") {
      reply[3] = static_cast<char>(0x82);  // SERVFAIL
    } else if (name != "empty.test" && name != "two.test") {
      reply[3] = static_cast<char>(0x83);  // NXDOMAIN
    }
    sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
  }
  int socket_;
  uint16_t port_ = 0;
  uv_poll_t poll_;
};

std::unique_ptr<Resolver> make_resolver(Loop& loop, const std::string& servers) {
  auto made = Resolver::make(loop, {.servers = servers, .timeout = milliseconds(150), .tries = 2});
  EXPECT_TRUE(made) << made.error().what;
  return std::move(*made);
}

Result<Resolved> ask(TestLoop& loop, Resolver& resolver, std::string_view name,
                     AddressFamily family = AddressFamily::any) {
  Asked asked;
  Resolver::Query query(resolver);
  query.start(name, family, asked);
  EXPECT_EQ(asked.answers, 0) << "answered inside the call";
  EXPECT_TRUE(loop.until([&] { return asked.answers == 1; })) << name;
  EXPECT_FALSE(query.active());
  return asked.result;
}

TEST(Resolver, gives_addresses_and_the_shortest_time_to_live) {
  TestLoop loop;
  TestDns dns(loop);
  auto resolver = make_resolver(loop, dns.server());
  auto v4 = ask(loop, *resolver, "two.test", AddressFamily::v4);
  ASSERT_TRUE(v4) << v4.error().what;
  ASSERT_EQ(v4->addresses.size(), 2u);
  EXPECT_EQ(v4->addresses[0].to_string(), "10.0.0.1");
  EXPECT_EQ(v4->addresses[1].to_string(), "10.0.0.2");
  EXPECT_EQ(v4->ttl, seconds(60));
  auto v6 = ask(loop, *resolver, "two.test", AddressFamily::v6);
  ASSERT_TRUE(v6) << v6.error().what;
  EXPECT_EQ(v6->addresses[0].to_string(), "2001:db8::1");
  EXPECT_EQ(v6->ttl, seconds(120));
  auto both = ask(loop, *resolver, "two.test");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->addresses.size(), 3u);
}

TEST(Resolver, knows_localhost_without_any_server) {
  TestLoop loop;
  auto resolver = make_resolver(loop, "127.0.0.1:9");
  auto found = ask(loop, *resolver, "localhost", AddressFamily::v4);
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->addresses[0].to_string(), "127.0.0.1");
  EXPECT_EQ(found->ttl, seconds(0));
}

TEST(Resolver, an_address_is_its_own_answer) {
  TestLoop loop;
  auto resolver = make_resolver(loop, "127.0.0.1:9");
  auto v6 = ask(loop, *resolver, "::1");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->addresses[0].to_string(), "::1");
  EXPECT_EQ(ask(loop, *resolver, "1.2.3.4", AddressFamily::v6).error().code, Code::resolve_failed);
}

TEST(Resolver, failures_tell_final_from_passing) {
  TestLoop loop;
  TestDns dns(loop);
  auto resolver = make_resolver(loop, dns.server());
  EXPECT_EQ(ask(loop, *resolver, "absent.test").error().code, Code::resolve_failed);
  EXPECT_EQ(ask(loop, *resolver, "empty.test").error().code, Code::resolve_failed);
  EXPECT_EQ(ask(loop, *resolver, "broken.test").error().code, Code::timeout);
  EXPECT_EQ(ask(loop, *resolver, "").error().code, Code::bad_value);
  EXPECT_EQ(ask(loop, *resolver, std::string(300, 'a')).error().code, Code::bad_value);
  EXPECT_EQ(ask(loop, *resolver, std::string_view("a\0b", 3)).error().code, Code::bad_value);
}

TEST(Resolver, a_dead_server_is_noticed_whether_it_refuses_or_is_silent) {  // T10.5
  TestLoop loop;
  std::string refusing;
  {
    TestDns gone(loop);
    refusing = gone.server();
  }
  loop.settle();
  auto first = make_resolver(loop, refusing);
  EXPECT_EQ(ask(loop, *first, "two.test").error().code, Code::timeout);
  TestDns dns(loop);
  dns.silent = true;
  auto second = make_resolver(loop, dns.server());
  EXPECT_EQ(ask(loop, *second, "two.test").error().code, Code::timeout);
  EXPECT_GE(dns.questions, 2);  // it was tried again
}

TEST(Resolver, a_cancelled_query_gets_no_answer) {
  TestLoop loop;
  TestDns dns(loop);
  auto resolver = make_resolver(loop, dns.server());
  Asked asked;
  {
    Resolver::Query gone(*resolver);
    gone.start("two.test", AddressFamily::any, asked);
  }
  Resolver::Query stopped(*resolver);
  stopped.start("localhost", AddressFamily::any, asked);  // answered at once, on the ready list
  stopped.stop();
  ASSERT_TRUE(loop.until([&] { return dns.questions == 2; }));
  loop.settle();
  EXPECT_EQ(asked.answers, 0);
}

TEST(Resolver, a_query_started_again_gives_only_the_new_answer) {
  TestLoop loop;
  TestDns dns(loop);
  auto resolver = make_resolver(loop, dns.server());
  Asked asked;
  Resolver::Query query(*resolver);
  query.start("127.0.0.1", AddressFamily::any, asked);
  query.start("two.test", AddressFamily::v4, asked);
  ASSERT_TRUE(loop.until([&] { return asked.answers == 1; }));
  EXPECT_EQ(asked.result->addresses.size(), 2u);
}

TEST(Resolver, an_answer_may_start_or_destroy_its_query) {
  TestLoop loop;
  TestDns dns(loop);
  auto resolver = make_resolver(loop, dns.server());
  Asked asked;
  auto query = std::make_unique<Resolver::Query>(*resolver);
  asked.act = [&] {
    if (asked.answers == 1) return query->start("two.test", AddressFamily::v4, asked);
    query.reset();
  };
  query->start("two.test", AddressFamily::v4, asked);
  ASSERT_TRUE(loop.until([&] { return asked.answers == 2; }));
  EXPECT_EQ(query, nullptr);
}

TEST(Resolver, may_go_while_queries_are_open) {
  TestLoop loop;
  TestDns dns(loop);
  dns.silent = true;
  auto resolver = make_resolver(loop, dns.server());
  Asked asked;
  Resolver::Query query(*resolver);
  query.start("two.test", AddressFamily::any, asked);
  loop.settle(3);
  resolver.reset();
  loop.settle();
  EXPECT_EQ(asked.answers, 0);
  EXPECT_FALSE(query.active());
}

TEST(Resolver, refuses_a_server_list_it_cannot_read) {
  Loop loop;
  auto made = Resolver::make(loop, {.servers = "not an address"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::bad_value);
}

}  // namespace
}  // namespace sluice::net
