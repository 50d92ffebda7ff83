#include "upstream/pool.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "fakes/stream_events.h"
#include "unit/net/loopback.h"

namespace sluice::upstream {
namespace {

using net::SocketAddress;
using std::chrono::milliseconds;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream server on loopback: answers every request, if it has an answer.
struct Server {
  explicit Server(net::TestLoop& on)
      : loop(on), socket(net::listen_on("127.0.0.1:1")), listener(on, door) {
    EXPECT_TRUE(listener.start(socket));
    door.prepare = [this](net::End& end) {
      end.at_read = [this, &end](const Slice&) {
        if (answer.empty() || !end.received.ends_with("\r\n\r\n")) return;
        ++requests;
        EXPECT_TRUE(end.send(loop, answer));
      };
    };
  }
  EndpointTarget target() const {
    EndpointTarget target;
    target.address = socket.address();
    return target;
  }
  size_t accepted() const { return door.ends.size(); }
  net::End& connection(size_t index) { return *door.ends[index]; }

  net::TestLoop& loop;
  net::Door door;
  net::ListenSocket socket;
  net::Listener listener;
  std::string answer{kOk};
  int requests = 0;
};

/// One request at a pool, from pick to release.
struct Request final : Opening {
  Request(PooledUpstream& used, net::TestLoop& on) : pool(used), loop(on), events(on->blocks()) {}
  void on_opened(http::Stream& opened) override { stream = &opened; }
  void on_open_failed(Error why) override { failed = why; }
  http::StreamEvents& stream_events() override { return events; }

  bool pick() { return (endpoint = pool.pick(tried)) != nullptr; }
  /// gives: whether a pooled connection was there
  bool open(Reuse reuse = Reuse::any) {
    LoopTurn turn(loop);
    stream = pool.open(*endpoint, reuse, *this);
    return stream != nullptr;
  }
  void send() {
    LoopTurn turn(loop);
    http::Head head(events.arena());
    head.method = http::Method::get;
    head.path = "/";
    head.authority = "a";
    stream->send_head(head, http::End::yes);
  }
  void detach() {
    LoopTurn turn(loop);
    std::exchange(stream, nullptr)->detach();
  }
  void release(Outcome outcome = Outcome::served) {
    pool.release(*std::exchange(endpoint, nullptr), outcome);
  }
  bool settled() const { return stream || failed; }
  /// A whole request. gives: what came back
  std::string run(Reuse reuse = Reuse::any) {
    if (!pick()) return "nobody";
    reused = open(reuse);
    if (!loop.until([&] { return settled(); })) return "no stream";
    if (failed) {
      release(Outcome::unreachable);
      return std::string(code_name(failed->code));
    }
    send();
    if (!loop.until([&] { return events.over() || events.reset; })) return "no answer";
    if (!events.reset) detach();
    release();
    return events.log();
  }

  PooledUpstream& pool;
  net::TestLoop& loop;
  http::RecordingEvents events;
  Tried tried;
  Endpoint* endpoint = nullptr;
  http::Stream* stream = nullptr;
  std::optional<Error> failed;
  bool reused = false;
};

class Pool : public ::testing::Test {
 public:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }

  PooledUpstream& make(std::vector<EndpointTarget> targets) {
    PoolParts parts{loop, tls_io, shard, random};
    settings.name = "test";
    pool.emplace(parts, settings);
    list(std::move(targets));
    return *pool;
  }
  void list(std::vector<EndpointTarget> targets) {
    auto endpoints = std::make_shared<EndpointList>();
    endpoints->targets = std::move(targets);
    listed = endpoints;
    pool->set_endpoints(endpoints);
  }
  /// The same servers, and who of them health checks found down.
  void down(std::vector<bool> which) {
    auto endpoints = std::make_shared<EndpointList>(*listed);
    endpoints->down = std::move(which);
    pool->set_endpoints(endpoints);
  }
  std::string run(Reuse reuse = Reuse::any) { return Request(*pool, loop).run(reuse); }
  /// A request that has its stream and has not sent anything yet.
  std::unique_ptr<Request> opened() {
    auto request = std::make_unique<Request>(*pool, loop);
    EXPECT_TRUE(request->pick());
    request->open();
    EXPECT_TRUE(loop.until([&] { return request->settled(); }));
    return request;
  }
  void finish(Request& request) {
    request.send();
    EXPECT_TRUE(loop.until([&] { return request.events.over(); }));
    request.detach();
    request.release();
  }
  uint64_t idle() { return shard.upstream(0).connections_idle.value(); }
  uint64_t active() { return shard.upstream(0).connections_active.value(); }
  /// Nothing is open and every count is where it began.
  void expect_empty() {
    EXPECT_TRUE(loop.until([&] { return pool->connections() == 0; }));
    EXPECT_EQ(idle(), 0u);
    EXPECT_EQ(active(), 0u);
    EXPECT_EQ(settings.in_flight ? settings.in_flight->value() : 0, 0u);
  }

  net::TestLoop loop;
  net::TlsIo tls_io{loop};
  observe::Shard shard;
  Random random{1};
  PoolSettings settings;
  std::optional<PooledUpstream> pool;
  std::shared_ptr<const EndpointList> listed;
};

constexpr std::string_view kAnswer = "head(200) body(ok) end";

TEST_F(Pool, sends_one_request_after_the_other_over_one_connection) {
  Server server(loop);
  make({server.target()});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(server.accepted(), 1u);
  EXPECT_EQ(idle(), 1u);
  EXPECT_EQ(active(), 0u);
  EXPECT_EQ(shard.upstream(0).connects.value(), 1u);
  pool->drain();
  expect_empty();
}

TEST_F(Pool, takes_the_connection_that_was_used_last) {
  Server server(loop);
  make({server.target()});
  auto first = opened(), second = opened();
  finish(*second);
  finish(*first);
  EXPECT_EQ(idle(), 2u);
  server.connection(0).received.clear();
  server.connection(1).received.clear();
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(run(), kAnswer);   // the other one may fall idle and close
  EXPECT_FALSE(server.connection(0).received.empty());
  EXPECT_TRUE(server.connection(1).received.empty());
}

TEST_F(Pool, sends_nothing_to_who_is_down_and_lets_idle_connections_to_him_go) {
  Server first(loop), second(loop);
  make({first.target(), second.target()});
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(run(), kAnswer);
  ASSERT_EQ(first.requests, 1);
  ASSERT_EQ(second.requests, 1);
  down({true, false});
  EXPECT_TRUE(loop.until([&] { return idle() == 1; }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(first.requests, 1);
  Request setting_aside(*pool, loop);
  ASSERT_TRUE(setting_aside.pick());
  setting_aside.release(Outcome::unreachable);   // the one that is not down
  EXPECT_EQ(run(), kAnswer);                     // is taken all the same, and the other one is not
  EXPECT_EQ(first.requests, 1);
  down({true, true});
  EXPECT_EQ(run(), "nobody");
  EXPECT_EQ(pool->lack(), Lack::unhealthy);
  down({});
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(first.requests, 2);
}

TEST_F(Pool, moves_a_request_to_an_endpoint_that_is_not_set_aside) {
  Server first(loop), second(loop), third(loop);
  make({first.target(), second.target(), third.target()});
  Request aside(*pool, loop);
  ASSERT_TRUE(aside.pick());
  Endpoint* dead = aside.endpoint;
  aside.release(Outcome::unreachable);
  Request moving(*pool, loop);
  ASSERT_TRUE(moving.pick());
  Endpoint* from = moving.endpoint;
  moving.tried.add(*from);
  moving.tried.refuses(*from);
  Endpoint* other = pool->move(*from, moving.tried);
  ASSERT_NE(other, nullptr);
  EXPECT_TRUE(other != from && other != dead);
  moving.tried.add(*other);
  EXPECT_EQ(pool->move(*other, moving.tried), nullptr);   // only the dead one is left
  EXPECT_TRUE(moving.tried.forget_refusing());
  EXPECT_TRUE(moving.tried.has(*other) && !moving.tried.has(*from));
  EXPECT_FALSE(moving.tried.forget_refusing());
  EXPECT_EQ(pool->move(*other, moving.tried), from);
  moving.endpoint = from;
  moving.release();
}

TEST_F(Pool, opens_a_fresh_connection_when_asked_to) {
  Server server(loop);
  make({server.target()});
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(run(Reuse::never), kAnswer);
  EXPECT_EQ(server.accepted(), 2u);
}

TEST_F(Pool, gives_unrepeatable_requests_only_recent_connections) {
  Server server(loop);
  make({server.target()});
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(run(Reuse::recent), kAnswer);
  EXPECT_EQ(server.accepted(), 1u);
  auto since = loop->clock().now();
  ASSERT_TRUE(loop.until([&] { return loop->clock().now() > since + kRecent; }));
  EXPECT_EQ(run(Reuse::recent), kAnswer);
  EXPECT_EQ(server.accepted(), 2u);
}

TEST_F(Pool, notices_that_an_idle_connection_was_closed_or_reset) {
  for (bool reset : {false, true}) {
    Server server(loop);
    make({server.target()});
    EXPECT_EQ(run(), kAnswer);
    ASSERT_EQ(pool->connections(), 1u);
    reset ? server.connection(0).transport->abort() : server.connection(0).transport->finish();
    expect_empty();
    EXPECT_EQ(run(), kAnswer);
    EXPECT_EQ(server.accepted(), 2u);
  }
}

TEST_F(Pool, gives_up_a_connection_with_bytes_that_nobody_asked_for) {
  Server server(loop);
  make({server.target()});
  EXPECT_EQ(run(), kAnswer);
  ASSERT_TRUE(server.connection(0).send(loop, "HTTP/1.1 408 Request Timeout\r\n\r\n"));
  expect_empty();
}

TEST_F(Pool, closes_idle_connections_after_a_while) {
  Server server(loop);
  settings.config.keep.idle = milliseconds(50);
  make({server.target()});
  EXPECT_EQ(run(), kAnswer);
  expect_empty();
  EXPECT_TRUE(loop.until([&] { return server.connection(0).eof; }));
}

TEST_F(Pool, does_not_use_a_connection_that_the_upstream_is_about_to_close) {
  Server server(loop);
  server.answer = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok";
  make({server.target()});
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(server.accepted(), 2u);
}

TEST_F(Pool, keeps_a_bounded_number_of_idle_connections_for_all_endpoints) {
  Server one(loop), two(loop);
  settings.config.keep.max = 2;
  make({one.target(), two.target()});
  std::vector<std::unique_ptr<Request>> requests;
  for (int i = 0; i < 8; ++i) requests.push_back(opened());
  for (auto& request : requests) finish(*request);
  EXPECT_TRUE(loop.until([&] { return pool->connections() <= 2; }));
  EXPECT_EQ(idle(), 2u);
  EXPECT_EQ(one.accepted(), 4u);
  EXPECT_EQ(two.accepted(), 4u);
}

TEST_F(Pool, keeps_no_more_when_many_requests_end_in_one_turn) {
  Server server(loop);
  settings.config.keep.max = 2;
  make({server.target()});
  std::vector<std::unique_ptr<Request>> requests;
  for (int i = 0; i < 6; ++i) requests.push_back(opened());
  for (auto& request : requests) request->send();
  ASSERT_TRUE(loop.until([&] {
    return std::all_of(requests.begin(), requests.end(), [](auto& r) { return r->events.over(); });
  }));
  {
    LoopTurn turn(loop);
    for (auto& request : requests) request->detach();
  }
  for (auto& request : requests) request->release();
  EXPECT_EQ(pool->connections(), 2u);
  EXPECT_EQ(idle(), 2u);
}

TEST_F(Pool, shares_what_it_keeps_among_the_workers) {
  Server server(loop);
  settings.config.keep.max = 4;
  settings.workers = 4;
  make({server.target()});
  auto first = opened(), second = opened();
  finish(*first);
  finish(*second);
  EXPECT_EQ(pool->connections(), 1u);
}

TEST_F(Pool, sets_an_endpoint_aside_that_refuses) {
  Server good(loop);
  EndpointTarget bad;
  {
    Server gone(loop);
    bad = gone.target();
    gone.listener.stop();
  }
  bad.metrics_id = 1;
  settings.config.balance = Balance::round_robin;
  make({bad, good.target()});
  EXPECT_EQ(shard.endpoint(1).up.value(), 1u);
  int refused = 0;
  for (int i = 0; i < 6; ++i) refused += run() == "connect_refused";
  EXPECT_EQ(refused, 1);   // once, then left alone
  EXPECT_EQ(shard.endpoint(1).up.value(), 0u);
  EXPECT_EQ(shard.upstream(0).connect_failure(Code::connect_refused).value(), 1u);
}

TEST_F(Pool, tries_one_that_is_set_aside_rather_than_nobody) {
  Server server(loop);
  make({server.target()});
  Request first(*pool, loop);
  ASSERT_TRUE(first.pick());
  first.release(Outcome::unreachable);
  EXPECT_EQ(shard.endpoint(0).up.value(), 0u);
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(shard.endpoint(0).up.value(), 1u);
}

TEST_F(Pool, gives_up_connecting_in_time) {
  settings.config.timeout.connect = milliseconds(50);
  EndpointTarget nowhere;   // a listener with a full queue never answers
  net::ListenOptions options;
  options.backlog = 0;
  auto socket = net::ListenSocket::bind(SocketAddress(*IpAddress::parse("127.0.0.1"), 0), options);
  ASSERT_TRUE(socket);
  nowhere.address = socket->address();
  make({nowhere});
  std::vector<std::unique_ptr<Request>> requests;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(std::make_unique<Request>(*pool, loop));
    ASSERT_TRUE(requests.back()->pick());
    requests.back()->open();
  }
  Request& last = *requests.back();
  ASSERT_TRUE(loop.until([&] { return last.settled(); }));
  ASSERT_TRUE(last.failed);
  EXPECT_EQ(last.failed->code, Code::connect_timeout);
  EXPECT_EQ(last.failed->progress, Progress::unsent);
  for (auto& request : requests) {
    if (request->stream) request->detach();
    request->release();
  }
  expect_empty();
}

TEST_F(Pool, reports_an_address_that_cannot_be_connected_to_but_not_inside_open) {
  EndpointTarget target;
  target.address = SocketAddress(*IpAddress::parse("255.255.255.255"), 1);
  make({target});
  Request request(*pool, loop);
  ASSERT_TRUE(request.pick());
  EXPECT_FALSE(request.open());
  EXPECT_FALSE(request.failed);
  ASSERT_TRUE(loop.until([&] { return request.settled(); }));
  EXPECT_TRUE(request.failed);
  request.release(Outcome::unreachable);
  expect_empty();
}

TEST_F(Pool, hears_nothing_more_after_cancel) {
  Server server(loop);
  make({server.target()});
  Request request(*pool, loop);
  ASSERT_TRUE(request.pick());
  EXPECT_FALSE(request.open());
  {
    LoopTurn turn(loop);
    pool->cancel(request);
  }
  request.release();
  expect_empty();
  loop.settle();
  EXPECT_FALSE(request.settled());
}

TEST_F(Pool, counts_requests_in_flight_exactly) {
  Server server(loop);
  settings.config.max_in_flight = 2;
  settings.in_flight = std::make_shared<SharedCount>();
  make({server.target()});
  auto first = opened(), second = opened();
  Request third(*pool, loop);
  EXPECT_FALSE(third.pick());
  EXPECT_EQ(pool->lack(), Lack::busy);
  finish(*first);
  EXPECT_TRUE(third.pick());
  third.release();
  third.tried.add(*second->endpoint);
  EXPECT_FALSE(third.pick());   // tried all: nothing is counted
  EXPECT_EQ(pool->lack(), Lack::down);
  EXPECT_EQ(settings.in_flight->value(), 1u);
  list({});                     // the endpoint goes while a request is there
  finish(*second);
  EXPECT_EQ(settings.in_flight->value(), 0u);
  expect_empty();
}

TEST_F(Pool, keeps_the_connections_of_endpoints_that_stay) {
  Server stays(loop), goes(loop), comes(loop);
  make({goes.target(), stays.target()});
  auto first = opened(), second = opened();
  finish(*first);
  finish(*second);
  ASSERT_EQ(idle(), 2u);
  list({comes.target(), stays.target()});
  EXPECT_TRUE(loop.until([&] { return goes.connection(0).eof; }));
  EXPECT_EQ(pool->connections(), 1u);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(stays.accepted(), 1u);
  EXPECT_EQ(goes.accepted(), 1u);
  EXPECT_EQ(comes.accepted(), 1u);
}

TEST_F(Pool, lets_a_request_end_at_an_endpoint_that_has_gone) {
  Server goes(loop), comes(loop);
  make({goes.target()});
  auto request = opened();
  list({comes.target()});
  finish(*request);
  EXPECT_EQ(request->events.log(), kAnswer);
  expect_empty();   // its connection is not kept
  EXPECT_EQ(run(), kAnswer);
  EXPECT_EQ(comes.accepted(), 1u);
}

TEST_F(Pool, knows_the_difference_between_unresolved_and_down) {
  make({});
  auto unresolved = std::make_shared<EndpointList>();
  unresolved->unresolved = true;
  pool->set_endpoints(unresolved);
  Request request(*pool, loop);
  EXPECT_FALSE(request.pick());
  EXPECT_EQ(pool->lack(), Lack::unresolved);
  list({});
  EXPECT_FALSE(request.pick());
  EXPECT_EQ(pool->lack(), Lack::down);
}

TEST_F(Pool, closes_what_is_idle_when_drained_and_the_rest_after_its_request) {
  Server server(loop);
  make({server.target()});
  auto busy = opened();
  EXPECT_EQ(run(), kAnswer);
  pool->drain();
  EXPECT_TRUE(loop.until([&] { return pool->connections() == 1; }));
  finish(*busy);
  EXPECT_EQ(busy->events.log(), kAnswer);
  expect_empty();
}

TEST_F(Pool, aborts_with_requests_in_every_state) {
  Server server(loop);
  make({server.target()});
  auto waiting = opened(), sent = opened();
  EXPECT_EQ(run(Reuse::never), kAnswer);   // an idle one
  server.answer.clear();
  sent->send();
  Request connecting(*pool, loop);
  ASSERT_TRUE(connecting.pick());
  connecting.open(Reuse::never);
  pool->abort();
  EXPECT_EQ(pool->connections(), 0u);
  EXPECT_TRUE(sent->events.reset);
  EXPECT_TRUE(waiting->events.reset);
  for (Request* request : {waiting.get(), sent.get(), &connecting}) request->release();
  expect_empty();
}

}  // namespace
}  // namespace sluice::upstream
