#include "server/acceptor.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "fakes/stream_events.h"
#include "unit/net/loopback.h"

namespace sluice::server {
namespace {

using net::SocketAddress;
using std::chrono::milliseconds;

/// Answers every request with its path and who sent it; or, when told to hold, keeps it.
struct EchoHandler final : Handler {
  struct Held {
    Held(http::Stream& of, const ClientFacts& from, BlockPool& pool)
        : stream(&of), client(from), events(pool) {}
    http::Stream* stream;
    ClientFacts client;
    http::RecordingEvents events;
    bool answered = false;
  };

  explicit EchoHandler(net::TestLoop& on) : loop(on) {}
  http::StreamEvents& accept(http::Stream& stream, const ClientFacts& client) override {
    held.push_back(std::make_unique<Held>(stream, client, loop->blocks()));
    return held.back()->events;
  }
  /// What an exchange would do at the end of the drain.
  void answer_all() {
    for (size_t i = 0; i < held.size(); ++i) {
      Held& one = *held[i];
      if (one.answered || !one.events.over() || one.events.reset) continue;
      one.answered = true;
      answer(one);
    }
  }
  void answer(Held& one) {
    LoopTurn turn(loop);
    http::Head head(one.events.arena());
    head.status = one.events.refused ? one.events.refused->status : 200;
    if (one.client.refusal != Refusal::none) head.status = 503;
    std::string text = one.client.ip.to_string() + ":" + std::to_string(one.client.port);
    head.content_length = text.size();
    one.stream->send_head(head, http::End::no);
    Chain body;
    body.append_copy(loop->blocks(), text);
    one.stream->send_body(std::move(body), http::End::yes);
    one.stream->detach();
  }

  net::TestLoop& loop;
  std::vector<std::unique_ptr<Held>> held;
};

class Accepting : public ::testing::Test {
 public:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }

  Acceptor& make() {
    shared.loop = &static_cast<Loop&>(loop);
    shared.handler = &handler;
    shared.shard = &shard;
    shared.load = &load;
    shared.trusted_proxies = &trusted;
    shared.connections_max = connections_max;
    acceptor.emplace(shared, std::make_shared<const ListenerSettings>(settings));
    EXPECT_TRUE(acceptor->listen(socket));
    return *acceptor;
  }
  void trust_loopback() {
    settings.proxy_protocol = true;
    trusted.add(*Cidr::parse("127.0.0.0/8"));
  }
  std::unique_ptr<net::End> connect() {
    auto end = std::make_unique<net::End>();
    auto made = net::connect_socket(loop, socket.address(), *end);
    EXPECT_TRUE(made);
    end->transport = std::move(*made);
    EXPECT_TRUE(loop.until([&] { return end->opened || end->failed; }));
    return end;
  }
  /// Drives the loop, answering, until `done`.
  template <class Done>
  bool until(Done done) {
    return loop.until([&] {
      handler.answer_all();
      return done();
    });
  }
  /// Sends, `step` bytes at a time. gives: status and body of the answer
  std::string ask(net::End& end, std::string_view bytes, size_t step = 0) {
    end.received.clear();
    if (step == 0) step = bytes.size();
    for (size_t at = 0; at < bytes.size(); at += step) {
      EXPECT_TRUE(end.send(loop, bytes.substr(at, step)));
      if (step < bytes.size()) until([n = 3]() mutable { return --n == 0; });   // separate reads
    }
    EXPECT_TRUE(until([&] { return whole(end.received) || end.eof || end.failed; }));
    if (!whole(end.received)) return end.received.empty() ? "closed" : end.received;
    return end.received.substr(9, 3) + " " + end.received.substr(end.received.find("\r\n\r\n") + 4);
  }
  static bool whole(const std::string& text) {
    size_t head = text.find("\r\n\r\n");
    return head != std::string::npos && text.size() > head + 4;
  }
  bool gone(net::End& end) {
    return until([&] { return end.eof || end.failed; });
  }

  SharedLoad load{42};
  MemoryShare share{load.memory};
  net::TestLoop loop;
  EchoHandler handler{loop};
  observe::Shard shard;
  SharedCount& connections = load.connections;
  AcceptorShared shared;
  CidrSet trusted;
  ListenerSettings settings;
  uint64_t connections_max = 100;
  net::ListenSocket socket = net::listen_on("127.0.0.1:1");
  std::optional<Acceptor> acceptor;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string proxy_v1() { return "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"; }

std::string proxy_v2(char command = 0x21) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += command;
  header += std::string("\x11\0\x0c", 3);
  header += std::string("\xc0\0\x02\x07\xc0\0\x02\x01", 8);
  header += std::string("\x12\x67\0\x50", 4);   // 4711, 80
  return header;
}

TEST_F(Accepting, counts_connections_while_they_are_open) {
  make();
  auto one = connect(), two = connect();
  ASSERT_TRUE(until([&] { return acceptor->connections() == 2; }));
  EXPECT_EQ(connections.value(), 2u);
  EXPECT_EQ(shard.listener(0).connections.value(), 2u);
  EXPECT_TRUE(ask(*one, kGet).starts_with("200 127.0.0.1:"));
  EXPECT_TRUE(ask(*one, kGet).starts_with("200 127.0.0.1:"));
  one->transport->finish();
  two->transport->abort();
  ASSERT_TRUE(until([&] { return acceptor->connections() == 0; }));
  EXPECT_EQ(connections.value(), 0u);
  EXPECT_EQ(shard.listener(0).connections.value(), 0u);
  EXPECT_EQ(shard.listener(0).accepted.value(), 2u);
}

TEST_F(Accepting, tells_a_client_beyond_the_limit_that_it_is_one_too_many) {
  connections_max = 1;
  make();
  auto first = connect();
  EXPECT_TRUE(ask(*first, kGet).starts_with("200"));
  auto second = connect();
  EXPECT_TRUE(ask(*second, kGet).starts_with("503"));
  EXPECT_TRUE(ask(*first, kGet).starts_with("200"));
  first->transport->abort();
  second->transport->abort();
  ASSERT_TRUE(until([&] { return acceptor->connections() == 0; }));
  auto third = connect();
  EXPECT_TRUE(ask(*third, kGet).starts_with("200"));
}

TEST_F(Accepting, a_refused_connection_takes_no_place_of_a_served_one) {
  connections_max = 1;
  make();
  auto first = connect();
  ASSERT_TRUE(until([&] { return connections.value() == 1; }));
  auto waits = connect();   // asks nothing: stays for a while
  ASSERT_TRUE(until([&] { return load.refused.value() == 1; }));
  first->transport->abort();
  ASSERT_TRUE(until([&] { return connections.value() == 0; }));
  auto second = connect();
  EXPECT_TRUE(ask(*second, kGet).starts_with("200"));
  EXPECT_TRUE(ask(*waits, kGet).starts_with("503"));
}

std::shared_ptr<const IpFilter> denying(std::string_view range) {
  IpUnion deny;
  deny.ranges.add(*Cidr::parse(range));
  deny.ranges.finish();
  return std::make_shared<const IpFilter>(std::move(deny), IpUnion{});
}

TEST_F(Accepting, closes_denied_clients_before_it_reads_of_them) {
  settings.ips = denying("127.0.0.1");
  make();
  auto denied = connect();
  EXPECT_TRUE(gone(*denied));
  EXPECT_TRUE(denied->received.empty());
  EXPECT_EQ(connections.value(), 0u);
  EXPECT_EQ(shard.listener(0).accepted.value(), 0u);
  EXPECT_EQ(shard.listener(0).refused[static_cast<size_t>(Refusal::denied) - 1].value(), 1u);
  settings.ips = denying("192.0.2.0/24");
  acceptor->update(std::make_shared<const ListenerSettings>(settings));
  auto other = connect();
  EXPECT_TRUE(ask(*other, kGet).starts_with("200"));
}

TEST_F(Accepting, denies_by_the_address_of_the_proxy_header) {
  trust_loopback();
  settings.ips = denying("192.0.2.7");
  make();
  auto denied = connect();
  EXPECT_EQ(ask(*denied, proxy_v1() + std::string(kGet)), "closed");
  EXPECT_EQ(connections.value(), 0u);
  EXPECT_EQ(load.refused.value(), 0u);
  auto local = connect();
  EXPECT_TRUE(ask(*local, proxy_v2(0x20) + std::string(kGet)).starts_with("200"));
}

TEST_F(Accepting, a_changed_limit_holds_from_the_next_connection_on) {
  make();
  auto first = connect();
  EXPECT_TRUE(ask(*first, kGet).starts_with("200"));
  shared.connections_max = 1;
  auto second = connect();
  EXPECT_TRUE(ask(*second, kGet).starts_with("503"));
  shared.connections_max = 2;
  auto third = connect();
  EXPECT_TRUE(ask(*third, kGet).starts_with("200"));
}

TEST_F(Accepting, connections_that_wait_for_their_proxy_header_count) {
  trust_loopback();
  connections_max = 2;
  make();
  auto one = connect(), two = connect();
  ASSERT_TRUE(until([&] { return connections.value() == 2; }));
  EXPECT_EQ(acceptor->connections(), 2u);
  auto three = connect();
  EXPECT_TRUE(ask(*three, proxy_v1() + std::string(kGet)).starts_with("503"));
  one->transport->abort();
  ASSERT_TRUE(until([&] { return connections.value() == 1; }));
  auto four = connect();
  EXPECT_TRUE(ask(*four, proxy_v1() + std::string(kGet)).starts_with("200"));
}

TEST_F(Accepting, an_address_has_only_so_many_connections) {
  settings.per_ip_max = 2;
  make();
  auto one = connect(), two = connect();
  EXPECT_TRUE(ask(*one, kGet).starts_with("200"));
  EXPECT_TRUE(ask(*two, kGet).starts_with("200"));
  auto three = connect();
  EXPECT_TRUE(ask(*three, kGet).starts_with("503"));
  three->transport->finish();
  EXPECT_EQ(shard.listener(0).refused[1].value(), 1u);
  EXPECT_EQ(connections.value(), 2u);
  one->transport->abort();
  ASSERT_TRUE(until([&] { return connections.value() == 1; }));
  auto four = connect();
  EXPECT_TRUE(ask(*four, kGet).starts_with("200"));
  acceptor->abort();
  EXPECT_EQ(load.addresses.addresses(), 0u);
  EXPECT_EQ(load.refused.value(), 0u);
}

TEST_F(Accepting, tells_only_some_of_an_address_and_closes_the_others) {
  settings.per_ip_max = 1;
  make();
  std::vector<std::unique_ptr<net::End>> ends;
  for (uint32_t i = 0; i < 1 + SharedAddressCounts::kToldMax; ++i) ends.push_back(connect());
  ASSERT_TRUE(until([&] { return load.refused.value() == SharedAddressCounts::kToldMax; }));
  auto beyond = connect();
  EXPECT_TRUE(gone(*beyond));
  EXPECT_EQ(load.refused.value(), SharedAddressCounts::kToldMax);
}

TEST_F(Accepting, counts_the_address_that_the_proxy_header_names) {
  trust_loopback();
  settings.per_ip_max = 1;
  make();
  auto one = connect();
  EXPECT_TRUE(ask(*one, proxy_v1() + std::string(kGet)).starts_with("200"));
  auto two = connect();
  EXPECT_TRUE(ask(*two, proxy_v1() + std::string(kGet)).starts_with("503"));
  auto other = connect();
  EXPECT_TRUE(ask(*other, "PROXY TCP4 192.0.2.8 192.0.2.1 1 80\r\n" + std::string(kGet)).starts_with("200"));
}

TEST_F(Accepting, does_not_limit_a_trusted_proxy_by_its_address) {
  trust_loopback();
  settings.proxy_protocol = false;
  settings.per_ip_max = 1;
  make();
  auto one = connect(), two = connect();
  EXPECT_TRUE(ask(*one, kGet).starts_with("200"));
  EXPECT_TRUE(ask(*two, kGet).starts_with("200"));
}

TEST_F(Accepting, refuses_while_memory_is_short_and_serves_again_after) {
  loop->blocks().count_in(share);
  load.memory.set_limit(1 << 20);
  make();
  auto old = connect();
  EXPECT_TRUE(ask(*old, kGet).starts_with("200"));
  share.take(2 << 20);
  auto client = connect();
  EXPECT_TRUE(ask(*client, kGet).starts_with("503"));
  EXPECT_EQ(shard.listener(0).refused[2].value(), 1u);
  share.give(2 << 20);
  load.memory.judge();
  auto later = connect();
  EXPECT_TRUE(ask(*later, kGet).starts_with("200"));
}

TEST_F(Accepting, refuses_while_descriptors_are_scarce) {
  make();
  auto one = connect();
  EXPECT_TRUE(ask(*one, kGet).starts_with("200"));
  int next = dup(1);
  close(next);
  loop->reserve_descriptors({.scarce = next + 1, .end = INT_MAX});
  auto two = connect();   // two descriptors: the client's own, ours
  EXPECT_TRUE(ask(*two, kGet).starts_with("503"));
  EXPECT_TRUE(ask(*one, kGet).starts_with("200"));
  EXPECT_EQ(shard.listener(0).refused[3].value(), 1u);
}

TEST_F(Accepting, closes_at_once_what_is_far_beyond_the_limit) {
  connections_max = 1;
  connections.take();   // of other workers
  for (uint64_t i = 0; i < kRefusedMax; ++i) load.refused.take();
  make();
  auto client = connect();
  EXPECT_TRUE(gone(*client));
  EXPECT_EQ(acceptor->connections(), 0u);
  EXPECT_EQ(connections.value(), 1u);
  EXPECT_EQ(load.refused.value(), kRefusedMax);
  EXPECT_EQ(shard.listener(0).refused[0].value(), 1u);
}

TEST_F(Accepting, believes_a_proxy_header_cut_anywhere) {
  trust_loopback();
  make();
  for (const std::string& header : {proxy_v1(), proxy_v2()}) {
    std::string bytes = header + std::string(kGet);
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      auto client = connect();
      ASSERT_TRUE(client->send(loop, bytes.substr(0, cut)));
      uint64_t before = shard.listener(0).accepted.value();
      bool header_whole = cut >= header.size();
      until([&, n = 2]() mutable {
        return header_whole ? shard.listener(0).accepted.value() > before : --n == 0;
      });
      EXPECT_EQ(ask(*client, bytes.substr(cut)), "200 192.0.2.7:4711") << cut;
    }
    auto whole = connect();
    EXPECT_EQ(ask(*whole, bytes), "200 192.0.2.7:4711");
    auto trickle = connect();
    EXPECT_EQ(ask(*trickle, bytes, 1), "200 192.0.2.7:4711");
  }
}

TEST_F(Accepting, uses_the_socket_s_own_address_for_a_local_header) {
  trust_loopback();
  make();
  auto client = connect();
  EXPECT_TRUE(ask(*client, proxy_v2(0x20) + std::string(kGet)).starts_with("200 127.0.0.1:"));
}

TEST_F(Accepting, takes_pipelined_requests_behind_a_proxy_header) {
  trust_loopback();
  make();
  auto client = connect();
  std::string many;
  for (int i = 0; i < 2000; ++i) many += kGet;   // more than one read buffer's quarter
  ASSERT_TRUE(client->send(loop, proxy_v1() + many));
  ASSERT_TRUE(until([&] { return handler.held.size() == 2000 && handler.held.back()->answered; }));
  EXPECT_EQ(handler.held.back()->client.ip.to_string(), "192.0.2.7");
}

TEST_F(Accepting, closes_a_trusted_connection_without_a_header) {
  trust_loopback();
  settings.timeouts.header = milliseconds(50);
  make();
  auto wrong = connect();
  EXPECT_EQ(ask(*wrong, kGet), "closed");
  auto silent = connect();
  EXPECT_TRUE(gone(*silent));
  auto ended = connect();
  ended->transport->finish();
  EXPECT_TRUE(gone(*ended));
  EXPECT_TRUE(handler.held.empty());
  EXPECT_EQ(connections.value(), 0u);
}

TEST_F(Accepting, refuses_a_proxy_header_of_somebody_else) {
  settings.proxy_protocol = true;
  trusted.add(*Cidr::parse("10.0.0.0/8"));
  make();
  for (const std::string& header : {proxy_v1(), proxy_v2()}) {
    auto client = connect();
    EXPECT_TRUE(ask(*client, header + std::string(kGet)).starts_with("400 127.0.0.1:")) << header;
  }
  auto plain = connect();
  EXPECT_TRUE(ask(*plain, kGet).starts_with("200 127.0.0.1:"));
}

TEST_F(Accepting, drains_idle_connections_now_and_others_after_their_answer) {
  make();
  auto idle = connect(), busy = connect();
  EXPECT_TRUE(ask(*idle, kGet).starts_with("200"));
  ASSERT_TRUE(busy->send(loop, kGet));
  size_t before = handler.held.size();
  ASSERT_TRUE(loop.until([&] { return handler.held.size() > before; }));
  acceptor->stop_listening();
  {
    LoopTurn turn(loop);
    acceptor->drain({});
  }
  ASSERT_TRUE(loop.until([&] { return idle->eof; }));
  EXPECT_FALSE(busy->eof);
  EXPECT_TRUE(gone(*busy));
  EXPECT_NE(busy->received.find("Connection: close"), std::string::npos);
  EXPECT_EQ(acceptor->connections(), 0u);
}

TEST_F(Accepting, drains_a_connection_whose_proxy_header_comes_late) {
  trust_loopback();
  make();
  auto client = connect();
  ASSERT_TRUE(client->send(loop, proxy_v1().substr(0, 5)));
  until([n = 5]() mutable { return --n == 0; });
  acceptor->stop_listening();
  {
    LoopTurn turn(loop);
    acceptor->drain({});
  }
  EXPECT_EQ(ask(*client, proxy_v1().substr(5) + std::string(kGet)), "200 192.0.2.7:4711");
  EXPECT_NE(client->received.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(gone(*client));
}

TEST_F(Accepting, aborts_connections_in_every_state) {
  trust_loopback();
  make();
  auto reading = connect(), idle = connect(), busy = connect();
  ASSERT_TRUE(reading->send(loop, "PROXY"));
  EXPECT_TRUE(ask(*idle, proxy_v1() + std::string(kGet)).starts_with("200"));
  ASSERT_TRUE(busy->send(loop, proxy_v1() + std::string(kGet)));
  ASSERT_TRUE(loop.until([&] { return handler.held.size() == 2; }));
  acceptor->abort();
  EXPECT_EQ(acceptor->connections(), 0u);
  EXPECT_TRUE(handler.held.back()->events.reset);
  for (net::End* end : {reading.get(), idle.get(), busy.get()}) {
    EXPECT_TRUE(loop.until([&] { return end->eof || end->failed; }));
  }
  EXPECT_EQ(connections.value(), 0u);
}

}  // namespace
}  // namespace sluice::server
