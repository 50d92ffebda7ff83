// Bodies: credit in both directions, filters, trailers, and refusals while bytes still come.
#include "fakes/policies.h"
#include "flow/world.h"

namespace sluice::flow {
namespace {

using fakes::BodyPolicy;

constexpr std::string_view kPut = "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";

struct Pooled : World {
  explicit Pooled(std::string_view routes = kOneRoute) : World(routes) { upstream.pooled = true; }
};

TEST(Bodies, a_slow_client_stops_the_upstream_and_loses_nothing) {
  Pooled world;
  Client& client = world.client();
  client.stream.set_credit(0);
  client.ask(kGet);
  world.respond_head(kChunked);
  std::string sent;
  for (int i = 0; i < 16; ++i) {  // 64 KiB: what a codec delivers before it stops reading
    std::string part(4096, static_cast<char>('a' + i));
    world.respond_body(part);
    sent += part;
  }
  FakeStream& from = world.upstream_side().stream;
  EXPECT_EQ(from.consumed, 0U) << "nothing is consumed for a client that takes nothing";
  EXPECT_EQ(client.stream.body, "");
  client.give_credit(10'000);
  EXPECT_EQ(client.stream.body.size(), 10'000U);
  EXPECT_EQ(from.consumed, 10'000U);
  world.respond_end();
  client.give_credit(FakeStream::kUnlimited);
  EXPECT_EQ(client.stream.body, sent);
  EXPECT_TRUE(client.answered());
}

TEST(Bodies, a_slow_upstream_stops_the_client) {
  Pooled world;
  Client& client = world.client();
  client.head(kPut);
  FakeStream& to = world.upstream_side().stream;
  to.set_credit(100);
  client.body(std::string(1'000, 'x'));
  EXPECT_EQ(to.body.size(), 100U);
  EXPECT_EQ(client.stream.consumed, 100U);
  to.set_credit(FakeStream::kUnlimited);
  world.upstream_side().events->on_credit();
  world.run();
  client.end();
  EXPECT_EQ(client.stream.consumed, 1'000U);
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
}

TEST(Bodies, a_slow_client_does_not_hold_the_upstreams_connection) {
  Pooled world;
  Client& client = world.client();
  client.stream.set_credit(0);
  client.ask(kGet);
  world.respond(kOk, "ok");
  EXPECT_TRUE(world.upstream_side().stream.detached);
  EXPECT_EQ(world.upstream.outcomes.size(), 1U);
  client.give_credit(FakeStream::kUnlimited);
  EXPECT_TRUE(client.answered());
}

TEST(Bodies, what_was_received_goes_out_before_a_dead_upstream_is_told) {
  Pooled world;
  Client& client = world.client();
  client.stream.set_credit(0);
  client.ask(kGet);
  world.respond_head(kChunked);
  world.respond_body("begun");
  world.reset_upstream(Code::reset,
                       Progress::answered);  // the stream may not be touched from here on
  EXPECT_FALSE(client.stream.gone);
  client.give_credit(FakeStream::kUnlimited);
  EXPECT_EQ(client.stream.body, "begun");
  ASSERT_TRUE(client.stream.reset_by.has_value()) << "a response cut short must not look whole";
  EXPECT_FALSE(client.stream.ended);
}

TEST(Bodies, an_early_response_is_delivered_while_the_request_still_comes) {
  Pooled world;
  Client& client = world.client();
  client.head(kPut);
  client.body("first");
  world.respond("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n", "no");
  EXPECT_EQ(client.status(), 401);
  EXPECT_EQ(client.stream.body, "no");
  EXPECT_TRUE(client.answered());
  EXPECT_TRUE(world.upstream_side().stream.detached);
}

TEST(Bodies, an_early_response_is_delivered_even_when_writing_to_its_sender_fails) {
  Pooled world;
  Client& client = world.client();
  client.head(kPut);
  world.upstream_side().stream.set_credit(0);
  client.body("held");
  client.stream.set_credit(0);
  world.respond_head("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\n");
  world.respond_body("large");
  world.respond_end();
  world.reset_upstream(Code::reset, Progress::answered);
  client.give_credit(FakeStream::kUnlimited);
  EXPECT_EQ(client.status(), 413);
  EXPECT_EQ(client.stream.body, "large");
  EXPECT_TRUE(client.answered());
}

TEST(Bodies, what_a_client_sends_after_the_upstream_died_is_dropped_not_sent) {
  Pooled world;
  Client& client = world.client();
  client.stream.set_credit(0);
  client.head(kPut);
  client.body("a");
  world.respond_head(kChunked);
  world.respond_body("partly");
  world.reset_upstream(Code::reset, Progress::answered);
  client.body("b");  // must not reach the dead stream
  client.end();
  client.give_credit(FakeStream::kUnlimited);
  EXPECT_EQ(client.stream.body, "partly");
  EXPECT_TRUE(client.stream.reset_by.has_value());
}

TEST(Bodies, a_refusal_in_mid_body_is_answered_and_the_upstream_never_gets_the_end) {
  World world(
      "[route.r]\nmatch = { path = \"/\" }\nupstream = \"u\"\nlimits = { body = \"10B\" }\n");
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head(kPut);
  client.body("12345678");
  client.body("9abc");
  EXPECT_EQ(client.status(), 413);
  EXPECT_EQ(client.problem(), "body_too_large");
  EXPECT_FALSE(client.stream.head->keep_alive);
  EXPECT_FALSE(world.upstream_side().stream.ended);
  EXPECT_TRUE(world.upstream_side().stream.detached);
}

TEST(Bodies, a_refusal_is_answered_in_every_step) {
  // connecting
  {
    World world;
    Client& client = world.client();
    client.head(kPut);
    client.refused(http::kChunkInvalid);
    EXPECT_EQ(client.problem(), "chunk_invalid");
    EXPECT_EQ(world.upstream.cancels, 1);
  }
  // waiting for the response
  {
    Pooled world;
    Client& client = world.client();
    client.head(kPut);
    client.refused(http::kChunkInvalid);
    EXPECT_EQ(client.problem(), "chunk_invalid");
    EXPECT_FALSE(world.upstream_side().stream.ended);
  }
  // while the response is relayed: it stands
  {
    Pooled world;
    Client& client = world.client();
    client.head(kPut);
    world.respond_head(kChunked);
    client.refused(http::kChunkInvalid);
    world.respond_body("x");
    world.respond_end();
    EXPECT_EQ(client.status(), 200);
    EXPECT_TRUE(client.answered());
  }
  // while a policy thinks
  {
    World world;
    fakes::WaitingPolicy::State state;
    world.add_policy(
        "r", std::make_unique<fakes::WaitingPolicy>(state, std::chrono::seconds(5), nullptr));
    Client& client = world.client();
    client.stream.set_credit(0);
    client.head(kPut);
    client.refused(http::kChunkInvalid);
    EXPECT_EQ(client.status(), 400);
    state.resume->give(policy::Verdict::pass());  // too late
    world.pass(std::chrono::seconds(6));          // so is the deadline
    client.give_credit(FakeStream::kUnlimited);
    EXPECT_TRUE(client.answered());
    EXPECT_EQ(client.problem(), "chunk_invalid");
  }
}

TEST(Bodies, a_body_that_comes_while_a_policy_waits_is_held) {
  World world;
  world.upstream.pooled = true;
  fakes::WaitingPolicy::State state;
  world.add_policy("r",
                   std::make_unique<fakes::WaitingPolicy>(state, std::chrono::seconds(5), nullptr));
  Client& client = world.client();
  client.head(kPut);
  client.body("early");
  client.end();
  EXPECT_EQ(client.stream.consumed, 0U);
  state.resume->give(policy::Verdict::pass());
  world.run();
  EXPECT_EQ(world.upstream_side().stream.body, "early");
  EXPECT_TRUE(world.upstream_side().stream.ended);
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
}

TEST(Bodies, trailers_pass_only_when_they_were_announced) {
  for (bool announced : {true, false}) {
    Pooled world;
    Client& client = world.client();
    std::string trailer = announced ? "Trailer: X-Sum\r\n" : "";
    client.head("PUT / HTTP/1.1\r\nHost: x\r\n" + trailer + "Transfer-Encoding: chunked\r\n\r\n");
    client.body("b");
    client.trailers("X-Sum", "1");
    client.end();
    FakeStream& to = world.upstream_side().stream;
    EXPECT_EQ(to.trailers.size(), announced ? 1U : 0U);
    EXPECT_TRUE(to.ended);
    world.respond_head("HTTP/1.1 200 OK\r\n" + trailer + "Transfer-Encoding: chunked\r\n\r\n");
    world.respond_body("r");
    Arena& arena = world.upstream_side().events->arena();
    auto* fields = arena.make<http::Fields>(arena);
    fields->add("x-sum", "2");
    fields->add("X-Other", "3");
    world.upstream_side().events->on_trailers(*fields);
    world.respond_end();
    EXPECT_TRUE(client.answered());
    EXPECT_EQ(client.stream.trailers.size(), announced ? 1U : 0U);
  }
}

TEST(Filters, a_filter_that_refuses_at_the_end_keeps_the_upstream_from_a_whole_request) {
  for (bool in_one_piece : {true, false}) {
    Pooled world;
    world.add_policy("r",
                     std::make_unique<BodyPolicy>(world.blocks, BodyPolicy::Does::refuse_at_end,
                                                  BodyPolicy::Of::request));
    Client& client = world.client();
    client.head(kPut);
    client.body("one");
    if (!in_one_piece) client.body("two");
    client.end();
    EXPECT_EQ(client.status(), 422);
    EXPECT_EQ(client.problem(), "fake_bad_body");
    EXPECT_FALSE(world.upstream_side().stream.ended);
    EXPECT_EQ(world.upstream_side().stream.body, in_one_piece ? "" : "one");
    EXPECT_TRUE(world.upstream_side().stream.detached);
  }
}

TEST(Filters, what_a_filter_holds_back_leaves_at_the_end) {
  for (auto of : {BodyPolicy::Of::request, BodyPolicy::Of::response}) {
    Pooled world;
    world.add_policy("r",
                     std::make_unique<BodyPolicy>(world.blocks, BodyPolicy::Does::hold_last, of));
    Client& client = world.client();
    client.head(kPut);
    client.body("one");
    client.body("two");
    client.end();
    EXPECT_EQ(world.upstream_side().stream.body, "onetwo");
    world.respond_head(kChunked);
    world.respond_body("three");
    world.respond_body("four");
    world.respond_end();
    EXPECT_EQ(client.stream.body, "threefour");
    EXPECT_TRUE(client.answered());
  }
}

TEST(Filters, a_response_refused_at_its_end_is_cut_short) {
  Pooled world;
  world.add_policy("r", std::make_unique<BodyPolicy>(world.blocks, BodyPolicy::Does::refuse_at_end,
                                                     BodyPolicy::Of::response));
  Client& client = world.client();
  client.ask(kGet);
  world.respond_head(kChunked);
  world.respond_body("one");
  world.respond_end();
  EXPECT_FALSE(client.stream.ended);
  EXPECT_TRUE(client.stream.reset_by.has_value());
}

TEST(Filters, a_body_sent_again_goes_through_fresh_filters_once) {
  for (auto [does, whole] : {std::pair{BodyPolicy::Does::double_bytes, "ababcdcd"},
                             std::pair{BodyPolicy::Does::hold_last, "abcd"}}) {
    Pooled world;
    world.add_policy("r",
                     std::make_unique<BodyPolicy>(world.blocks, does, BodyPolicy::Of::request));
    Client& client = world.client();
    client.head(kPut);
    client.body("ab");
    world.reset_upstream(Code::reset, Progress::sent);
    ASSERT_TRUE(world.upstream.waits());
    world.upstream.connect();
    world.run();
    client.body("cd");
    client.end();
    EXPECT_EQ(world.upstream_side().stream.body, whole);
    EXPECT_EQ(client.stream.consumed, 4U);
    world.respond(kOk, "ok");
    EXPECT_TRUE(client.answered());
  }
}

TEST(Filters, what_a_filter_adds_waits_for_credit_too) {
  Pooled world;
  world.add_policy("r", std::make_unique<BodyPolicy>(world.blocks, BodyPolicy::Does::double_bytes,
                                                     BodyPolicy::Of::request));
  Client& client = world.client();
  client.head(kPut);
  FakeStream& to = world.upstream_side().stream;
  to.set_credit(3);
  client.body("abcd");
  client.end();
  for (int i = 0; i < 10 && !to.ended; ++i) {
    to.set_credit(3);
    world.upstream_side().events->on_credit();
    world.run();
  }
  EXPECT_TRUE(to.ended);
  EXPECT_EQ(to.body.size(), 8U);
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
}

}  // namespace
}  // namespace sluice::flow
