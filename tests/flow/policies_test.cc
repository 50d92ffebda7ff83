// What the engine makes of verdicts: order, replies, waiting and its deadline.
#include "fakes/policies.h"
#include "flow/world.h"

namespace sluice::flow {
namespace {

using namespace std::chrono_literals;
using fakes::MarkingPolicy;
using fakes::WaitingPolicy;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

struct Marked : World {
  explicit Marked(const char* refuses = "", std::string_view routes = kOneRoute) : World(routes) {
    upstream.pooled = true;
    for (const char* letter : {"a", "b", "c"}) {
      auto does = letter == std::string_view(refuses) ? MarkingPolicy::Does::refuse
                                                      : MarkingPolicy::Does::pass;
      add_policy("r", std::make_unique<MarkingPolicy>(letter, does));
    }
  }
};

TEST(Policies, run_in_order_on_requests_and_in_reverse_on_responses) {
  Marked world;
  Client& client = world.client();
  client.ask(kGet);
  EXPECT_EQ((*world.upstream_side().stream.head)["X-Order"], "abc");
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ((*client.stream.head)["X-Order"], "cba");
  EXPECT_EQ((*client.stream.head)["X-Unseen"], "-");
}

TEST(Policies, see_our_own_responses_too_even_those_that_did_not_see_the_request) {
  Marked world("b");
  Client& client = world.client();
  client.ask(kGet);
  EXPECT_EQ(client.status(), 403);
  EXPECT_EQ(client.problem(), "fake_denied");
  EXPECT_EQ((*client.stream.head)["X-Order"], "cba");
  EXPECT_EQ((*client.stream.head)["X-Unseen"], "c");
  EXPECT_TRUE(client.stream.head->keep_alive);
}

TEST(Policies, see_what_the_gateway_makes_of_failures_and_fixed_responses) {
  {
    Marked world;
    world.upstream.set_lack(upstream::Lack::down);
    Client& client = world.client();
    client.ask(kGet);
    EXPECT_EQ(client.status(), 503);
    EXPECT_EQ((*client.stream.head)["X-Order"], "cba");
  }
  Marked world("",
               "[route.r]\nmatch = { path = \"/\" }\nrespond = { status = 200, body = \"hi\" }\n");
  Client& client = world.client();
  client.ask(kGet);
  EXPECT_EQ(client.stream.body, "hi");
  EXPECT_EQ((*client.stream.head)["X-Order"], "cba");
}

struct Waiting : World {
  Waiting(Duration patience, const http::Problem* if_late) {
    upstream.pooled = true;
    add_policy("r", std::make_unique<WaitingPolicy>(state, patience, if_late));
    add_policy("r", std::make_unique<MarkingPolicy>("z"));
  }
  WaitingPolicy::State state;
};

TEST(Waits, go_on_with_the_next_policy_when_the_answer_passes) {
  Waiting world(5s, &fakes::kDenied);
  Client& client = world.client();
  client.ask(kGet);
  world.pass(4s);
  EXPECT_EQ(world.upstream.picks, 0);
  world.state.resume->give(policy::Verdict::pass());
  world.run();
  EXPECT_EQ(world.state.asked, 1);
  EXPECT_EQ((*world.upstream_side().stream.head)["X-Order"], "z");
  world.pass(4s);  // past the policy's deadline, which is none any more
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ(client.status(), 200);
}

TEST(Waits, are_refused_when_the_answer_refuses) {
  Waiting world(5s, nullptr);
  Client& client = world.client();
  client.ask(kGet);
  world.state.resume->give(policy::Verdict::refuse(fakes::kDenied));
  world.run();
  EXPECT_EQ(client.problem(), "fake_denied");
  EXPECT_EQ(world.upstream.picks, 0);
}

TEST(Waits, end_at_their_deadline_with_the_verdict_for_that_case) {
  for (const http::Problem* if_late :
       {&fakes::kDenied, static_cast<const http::Problem*>(nullptr)}) {
    Waiting world(5s, if_late);
    Client& client = world.client();
    client.ask(kGet);
    world.pass(5s + 200ms);
    if (if_late) {
      EXPECT_EQ(client.problem(), "fake_denied");
      EXPECT_EQ(world.upstream.picks, 0);
    } else {
      EXPECT_EQ((*world.upstream_side().stream.head)["X-Order"], "z");
    }
    world.state.resume->give(policy::Verdict::refuse(fakes::kBadBody));  // too late to count
    world.run();
    if (if_late == nullptr) {
      world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
      EXPECT_EQ(client.status(), 200);
    }
    EXPECT_TRUE(client.answered());
  }
}

TEST(Waits, an_answer_that_is_there_before_the_wait_counts) {
  Waiting world(5s, &fakes::kDenied);
  world.state.answer_at_once = true;
  Client& client = world.client();
  client.ask(kGet);
  ASSERT_EQ(world.upstream.sides.size(), 1U);
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ(client.status(), 200);
}

TEST(Waits, a_policy_whose_answer_lies_elsewhere_runs_again) {
  Waiting world(5s, nullptr);
  Client& client = world.client();
  client.ask(kGet);
  world.state.resume->give(policy::Verdict::again());
  world.run();
  EXPECT_EQ(world.state.asked, 2);
  EXPECT_EQ(world.upstream.picks, 0);
  world.state.resume->give(policy::Verdict::pass());
  world.run();
  EXPECT_EQ(world.state.asked, 2);
  EXPECT_EQ((*world.upstream_side().stream.head)["X-Order"], "z");
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ(client.status(), 200);
}

TEST(Waits, a_token_works_once) {
  Waiting world(5s, nullptr);
  Client& client = world.client();
  client.ask(kGet);
  world.state.resume->give(policy::Verdict::pass());
  world.state.resume->give(policy::Verdict::refuse(fakes::kDenied));
  world.run();
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_EQ(client.status(), 200);
}

}  // namespace
}  // namespace sluice::flow
