// Either side fails, in every step: the other one learns what it must, and nothing stays behind
// (World checks).
#include <functional>

#include "fakes/policies.h"
#include "flow/world.h"

namespace sluice::flow {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPut = "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A place in a request's life, and how to get there.
struct Place {
  const char* name;
  bool pooled;
  std::function<void(World&, Client&)> go;
};

const Place kPlaces[] = {
    {"before its head", true, [](World&, Client&) {}},
    {"connecting", false, [](World&, Client& client) { client.head(kPut); }},
    {"connected, head sent", true, [](World&, Client& client) { client.head(kPut); }},
    {"in mid-body", true,
     [](World&, Client& client) {
       client.head(kPut);
       client.body("abc");
     }},
    {"with a body that the upstream does not take", true,
     [](World& world, Client& client) {
       client.head(kPut);
       world.upstream_side().stream.set_credit(0);
       client.body("abc");
     }},
    {"waiting for the response", true, [](World&, Client& client) { client.ask(kGet); }},
    {"response begun", true,
     [](World& world, Client& client) {
       client.ask(kGet);
       world.respond_head(kChunked);
     }},
    {"response in mid-body", true,
     [](World& world, Client& client) {
       client.ask(kGet);
       world.respond_head(kChunked);
       world.respond_body("abc");
     }},
    {"response held for a slow client", true,
     [](World& world, Client& client) {
       client.stream.set_credit(0);
       client.ask(kGet);
       world.respond_head(kChunked);
       world.respond_body("abc");
     }},
    {"own reply held for a slow client", true,
     [](World&, Client& client) {
       client.stream.set_credit(0);
       client.refused(http::kBadPath);
     }},
    {"upstream done, client slow", true,
     [](World& world, Client& client) {
       client.stream.set_credit(0);
       client.ask(kGet);
       world.respond(kChunked, "abc");
     }},
    {"retrying", true,
     [](World& world, Client& client) {
       client.ask(kGet);
       world.reset_upstream(Code::closed, Progress::sent);
     }},
};

TEST(ClientFails, a_reset_in_any_step_ends_everything) {
  for (const Place& place : kPlaces) {
    SCOPED_TRACE(place.name);
    World world;
    world.upstream.pooled = place.pooled;
    Client& client = world.client();
    place.go(world, client);
    client.reset();
    EXPECT_EQ(world.engine.exchanges(), 0U);
    EXPECT_FALSE(world.upstream.waits());
    for (const UpstreamSide& side : world.upstream.sides) EXPECT_TRUE(side.stream.gone);
    world.pass(120s);  // no timer is left behind
  }
}

TEST(ClientFails, a_reset_while_a_policy_waits_ends_everything_and_the_late_verdict_is_harmless) {
  World world;
  fakes::WaitingPolicy::State state;
  world.add_policy("r", std::make_unique<fakes::WaitingPolicy>(state, 5s, nullptr));
  Client& client = world.client();
  client.ask(kGet);
  client.reset();
  EXPECT_EQ(world.engine.exchanges(), 0U);
  state.resume->give(policy::Verdict::pass());
  world.run();
  world.pass(10s);
  EXPECT_EQ(world.upstream.picks, 0);
}

TEST(ClientFails, a_late_verdict_does_not_reach_the_next_request) {
  World world;
  world.upstream.pooled = true;
  fakes::WaitingPolicy::State state;
  world.add_policy("r", std::make_unique<fakes::WaitingPolicy>(state, 5s, nullptr));
  Client& first = world.client();
  first.ask(kGet);
  policy::Resume old = *state.resume;
  first.reset();
  Client& second = world.client();
  second.ask(kGet);
  old.give(policy::Verdict::refuse(fakes::kDenied));
  world.run();
  EXPECT_EQ(second.status(), 0);
  state.resume->give(policy::Verdict::pass());
  world.run();
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ(second.status(), 200);
}

TEST(UpstreamFails, before_its_answer_means_502) {
  struct Case {
    Code code;
    const char* problem;
  };
  for (const Case& one :
       {Case{Code::closed, "upstream_closed"}, Case{Code::reset, "upstream_closed"},
        Case{Code::bad_message, "upstream_bad_response"},
        Case{Code::too_large, "upstream_bad_response"}}) {
    World world;
    Client& client = world.client();
    client.ask("POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    world.upstream.connect();
    world.run();
    world.reset_upstream(one.code, Progress::sent);
    EXPECT_EQ(client.status(), 502);
    EXPECT_EQ(client.problem(), one.problem);
    EXPECT_TRUE(client.answered());
  }
}

TEST(UpstreamFails, in_mid_upload_means_502_and_the_connection_cannot_go_on) {
  World world;
  Client& client = world.client();
  client.head(kPut);
  world.upstream.connect();
  world.run();
  client.body("abc");
  world.reset_upstream(Code::reset, Progress::sent);
  EXPECT_EQ(client.status(), 502);
  EXPECT_FALSE(client.stream.head->keep_alive);
}

TEST(UpstreamFails, right_after_connecting_counts_as_not_connected) {
  World world;
  Client& client = world.client();
  client.ask(kGet);
  {
    Scheduler::Turn turn(world.scheduler);
    world.upstream.connect();
    world.reset_upstream(Code::closed, Progress::unsent);
  }
  ASSERT_TRUE(world.upstream.waits());
  world.upstream.connect();
  world.run();
  EXPECT_EQ(world.upstream_side().endpoint, "e1");
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_TRUE(client.answered());
}

TEST(UpstreamFails, once_the_response_has_begun_the_client_is_reset) {
  for (bool some_body : {true, false}) {
    World world;
    world.upstream.pooled = true;
    Client& client = world.client();
    client.ask(kGet);
    world.respond_head("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    if (some_body) world.respond_body("abc");
    world.reset_upstream(Code::truncated, Progress::answered);
    EXPECT_EQ(client.status(), 200);
    EXPECT_FALSE(client.stream.ended);
    ASSERT_TRUE(client.stream.reset_by.has_value());
    EXPECT_EQ(client.stream.reset_by->side, Side::upstream);
    EXPECT_FALSE(world.upstream.waits()) << "an answered request is never sent again";
  }
}

TEST(UpstreamFails, behind_a_whole_response_does_not_matter) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head(kPut);  // the request goes on: the upstream's stream is still in use
  client.stream.set_credit(0);
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "abc");
  world.reset_upstream(Code::reset, Progress::answered);
  client.give_credit(FakeStream::kUnlimited);
  EXPECT_EQ(client.stream.body, "abc");
  EXPECT_TRUE(client.answered());
}

TEST(Timeouts, an_upstream_that_does_not_answer_means_504) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask(kGet);
  world.pass(14s);
  EXPECT_EQ(client.status(), 0);
  world.pass(2s);
  EXPECT_EQ(client.status(), 504);
  EXPECT_EQ(client.problem(), "upstream_timeout");
  EXPECT_TRUE(world.upstream_side().stream.detached);
  EXPECT_EQ(world.upstream.outcomes, std::vector{upstream::Outcome::served});
}

TEST(Timeouts, an_upstream_that_does_not_take_the_body_means_504) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head(kPut);
  world.upstream_side().stream.set_credit(0);
  client.body("abc");
  world.pass(16s);
  EXPECT_EQ(client.status(), 504);
}

TEST(Timeouts, progress_of_the_body_restarts_the_patience) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head(kPut);
  for (int i = 0; i < 4; ++i) {
    world.pass(10s);
    client.body("abc");
  }
  EXPECT_EQ(client.status(), 0);
  client.end();
  world.pass(14s);
  EXPECT_EQ(client.status(), 0);
  world.pass(2s);
  EXPECT_EQ(client.status(), 504);
}

TEST(Timeouts, a_client_that_stalls_in_its_upload_is_not_blamed_on_the_upstream) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head(kPut);
  client.body("abc");
  world.pass(29s);  // longer than the upstream's 15 s: the listener's patience with bodies decides
  EXPECT_EQ(client.status(), 0);
  client.refused(http::kRequestTimeout);
  EXPECT_EQ(client.status(), 408);
}

TEST(Timeouts, an_upstream_that_stalls_in_its_response_means_a_reset) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask(kGet);
  world.respond_head(kChunked);
  world.respond_body("abc");
  world.pass(59s);
  EXPECT_FALSE(client.stream.reset_by.has_value());
  world.respond_body("abc");
  world.pass(59s);
  EXPECT_FALSE(client.stream.reset_by.has_value());
  world.pass(2s);
  EXPECT_TRUE(client.stream.reset_by.has_value());
  EXPECT_EQ(client.stream.body, "abcabc");
}

TEST(Timeouts, a_stalled_response_ends_although_the_request_was_cut_short) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head(kPut);
  world.respond_head(kChunked);
  client.refused(http::kRequestTimeout);
  world.pass(62s);
  EXPECT_TRUE(client.stream.reset_by.has_value());
}

TEST(Timeouts, a_slow_client_is_not_blamed_on_the_upstream) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.stream.set_credit(0);
  client.ask(kGet);
  world.respond_head(kChunked);
  world.respond_body("abc");
  world.pass(200s);
  EXPECT_FALSE(client.stream.reset_by.has_value());
  client.give_credit(FakeStream::kUnlimited);
  world.respond_end();
  EXPECT_TRUE(client.answered());
}

TEST(Timeouts, a_routes_own_patience_comes_before_the_upstreams) {
  World world(
      "[route.r]\nmatch = { path = \"/\" }\nupstream = \"u\"\ntimeout = { response = \"2s\" }\n");
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask(kGet);
  world.pass(3s);
  EXPECT_EQ(client.status(), 504);
}

TEST(Timeouts, a_server_that_cancels_at_a_calls_deadline_has_kept_it) {
  for (bool begun : {false, true}) {
    for (bool late : {false, true}) {
      SCOPED_TRACE(std::string(begun ? "its answer has begun" : "no answer") + (late ? ", late" : ", early"));
      World world;
      world.upstream.pooled = true;
      Client& client = world.client();
      client.head("POST /s.S/M HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nGrpc-Timeout: 300m\r\n\r\n",
                  http::Version::h2);
      client.end();
      if (begun) world.respond_head("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n");
      world.clock.advance(late ? 300ms : 299ms);   // our own timer is a moment late
      world.reset_upstream(Code::cancelled, begun ? Progress::answered : Progress::sent);
      std::string status = late ? "4" : "1";
      if (begun) {
        ASSERT_FALSE(client.stream.trailers.empty());
        EXPECT_EQ(client.stream.trailers.front(), std::make_pair(std::string("grpc-status"), status));
      } else {
        ASSERT_TRUE(client.stream.head);
        EXPECT_EQ((*client.stream.head)["grpc-status"], status);
      }
    }
  }
}

TEST(Timeouts, no_time_limit_of_the_first_try_ends_the_second) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask(kGet);
  world.pass(14s);
  world.reset_upstream(Code::closed, Progress::sent);
  world.pass(14s);  // connecting: the pool's time limit, not this one
  world.upstream.connect();
  world.run();
  world.pass(14s);
  EXPECT_EQ(client.status(), 0);
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ(client.status(), 200);
}

}  // namespace
}  // namespace sluice::flow
