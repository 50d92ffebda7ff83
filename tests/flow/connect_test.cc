// Choosing an endpoint, connecting, and the one safe retry.
#include "flow/world.h"

namespace sluice::flow {
namespace {

using upstream::Lack;
using upstream::Outcome;
using upstream::Reuse;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";

TEST(Connect, a_connect_failure_moves_to_the_next_endpoint_and_sets_the_bad_one_aside) {
  World world;
  Client& client = world.client();
  client.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");  // nothing was sent: not
                                                                          // only idempotent ones
  world.upstream.refuse(Code::connect_refused);
  world.run();
  ASSERT_TRUE(world.upstream.waits());
  world.upstream.connect();
  world.run();
  EXPECT_EQ(world.upstream_side().endpoint, "e1");
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
  EXPECT_EQ(world.upstream.outcomes, (std::vector{Outcome::unreachable, Outcome::served}));
}

TEST(Connect, a_body_that_came_before_the_failure_goes_to_the_next_endpoint_whole) {
  World world;
  Client& client = world.client();
  client.head("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n");
  client.body("abc");
  world.upstream.refuse(Code::connect_timeout);
  world.run();
  client.body("def");
  client.end();
  world.upstream.connect();
  world.run();
  EXPECT_EQ(world.upstream_side().stream.body, "abcdef");
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
}

TEST(Connect, when_every_endpoint_fails_the_last_failure_is_told) {
  struct Case {
    Code code;
    int status;
    const char* problem;
  };
  for (const Case& one : {Case{Code::connect_refused, 502, "upstream_unreachable"},
                          Case{Code::connect_timeout, 504, "upstream_connect_timeout"},
                          Case{Code::tls_failed, 502, "upstream_tls"},
                          Case{Code::resolve_failed, 503, "upstream_unresolved"}}) {
    World world;
    Client& client = world.client();
    client.ask(kGet);
    for (int i = 0; i < 2; ++i) {
      world.upstream.refuse(one.code);
      world.run();
    }
    EXPECT_EQ(client.status(), one.status);
    EXPECT_EQ(client.problem(), one.problem);
    EXPECT_EQ(world.upstream.outcomes, (std::vector{Outcome::unreachable, Outcome::unreachable}));
  }
}

TEST(Connect, a_gateway_without_descriptors_blames_no_endpoint_and_tries_no_other) {
  World world;
  Client& client = world.client();
  client.ask(kGet);
  world.upstream.refuse(Code::overloaded);
  world.run();
  EXPECT_EQ(client.status(), 503);
  EXPECT_EQ(client.problem(), "overloaded");
  EXPECT_EQ(world.upstream.picks, 1);
  EXPECT_EQ(world.upstream.outcomes, std::vector{Outcome::served});
}

TEST(Connect, without_an_endpoint_the_answer_says_why) {
  struct Case {
    Lack lack;
    const char* problem;
  };
  for (const Case& one : {Case{Lack::unresolved, "upstream_unresolved"},
                          Case{Lack::busy, "upstream_busy"}, Case{Lack::down, "no_endpoint"}}) {
    World world;
    world.upstream.set_lack(one.lack);
    Client& client = world.client();
    client.ask(kGet);
    EXPECT_EQ(client.status(), 503);
    EXPECT_EQ(client.problem(), one.problem);
    EXPECT_EQ((*client.stream.head)["Retry-After"], "5");
  }
}

TEST(Connect, no_more_endpoints_are_tried_than_a_request_remembers) {
  World world(kOneRoute, "", 20);
  Client& client = world.client();
  client.ask(kGet);
  while (world.upstream.waits()) {
    world.upstream.refuse(Code::connect_refused);
    world.run();
  }
  EXPECT_EQ(world.upstream.picks, static_cast<int>(upstream::Tried::kMax));
  EXPECT_EQ(client.status(), 502);
}

TEST(Connect, what_cannot_be_repeated_takes_only_a_connection_of_late) {
  for (auto [method, reuse] :
       {std::pair{"GET", Reuse::any}, std::pair{"POST", Reuse::recent},
        std::pair{"PATCH", Reuse::recent}, std::pair{"DELETE", Reuse::any}}) {
    World world;
    world.upstream.pooled = true;
    Client& client = world.client();
    client.ask(std::string(method) + " / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(world.upstream.reuses, std::vector{reuse}) << method;
    world.respond(kOk, "ok");
    EXPECT_TRUE(client.answered());
  }
}

struct RetryCase {
  const char* name;
  const char* method;
  bool pooled;
  Code code;
  Progress progress;
  bool again;
};

TEST(Retry, only_a_dead_pooled_connection_and_only_what_is_idempotent_or_unsent) {
  constexpr RetryCase kCases[] = {
      {"dead, sent, idempotent", "GET", true, Code::closed, Progress::sent, true},
      {"reset, sent, idempotent", "PUT", true, Code::reset, Progress::sent, true},
      {"dead, unsent, not idempotent", "POST", true, Code::closed, Progress::unsent, true},
      {"dead, sent, not idempotent", "POST", true, Code::reset, Progress::sent, false},
      {"answered in part", "GET", true, Code::reset, Progress::answered, false},
      {"a fresh connection", "GET", false, Code::reset, Progress::sent, false},
      {"a fresh connection, unsent", "GET", false, Code::closed, Progress::unsent, false},
      {"a malformed answer", "GET", true, Code::bad_message, Progress::answered, false},
  };
  for (const RetryCase& one : kCases) {
    World world;
    world.upstream.pooled = one.pooled;
    Client& client = world.client();
    client.ask(std::string(one.method) + " / HTTP/1.1\r\nHost: x\r\n\r\n");
    if (!one.pooled) {
      world.upstream.connect();
      world.run();
    }
    world.reset_upstream(one.code, one.progress);
    ASSERT_EQ(world.upstream.waits(), one.again) << one.name;
    if (one.again) {
      EXPECT_EQ(world.upstream.reuses.back(), Reuse::never) << one.name;
      world.upstream.connect();
      world.run();
      EXPECT_EQ(world.upstream_side().endpoint, "e0") << one.name;
      EXPECT_EQ(world.upstream_side().stream.head->method, one.method) << one.name;
      world.respond(kOk, "ok");
      EXPECT_EQ(client.status(), 200) << one.name;
    } else {
      EXPECT_EQ(client.status(), 502) << one.name;
    }
    EXPECT_TRUE(client.answered()) << one.name;
    EXPECT_EQ(world.upstream.outcomes.size(), 1U) << one.name;
  }
}

TEST(Retry, happens_once) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask(kGet);
  world.reset_upstream(Code::closed, Progress::sent);
  world.upstream.connect();
  world.run();
  world.reset_upstream(Code::closed, Progress::sent);
  EXPECT_EQ(client.status(), 502);
  EXPECT_EQ(client.problem(), "upstream_closed");
  EXPECT_EQ(world.upstream.sides.size(), 2U);
}

TEST(Retry, a_retry_that_cannot_connect_tries_another_endpoint) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask(kGet);
  world.reset_upstream(Code::closed, Progress::sent);
  world.upstream.refuse(Code::connect_refused);
  world.run();
  world.upstream.connect();
  world.run();
  EXPECT_EQ(world.upstream_side().endpoint, "e1");
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
}

TEST(Retry, a_body_of_up_to_64_KiB_is_sent_again_whole) {
  for (size_t size : {size_t{1}, http::kHeldBytesMax}) {
    World world;
    world.upstream.pooled = true;
    Client& client = world.client();
    std::string body(size, 'b');
    client.head("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.body(body);
    EXPECT_EQ(world.upstream_side().stream.body.size(), size);
    EXPECT_EQ(client.stream.consumed, size);
    world.reset_upstream(Code::reset, Progress::sent);
    client.body("last");
    client.end();
    world.upstream.connect();
    world.run();
    EXPECT_EQ(world.upstream_side().stream.body, body + "last");
    EXPECT_EQ(client.stream.consumed, size + 4) << "bytes sent twice are consumed once";
    world.respond(kOk, "ok");
    EXPECT_TRUE(client.answered());
  }
}

TEST(Retry, beyond_64_KiB_there_is_none) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.body(std::string(http::kHeldBytesMax, 'b'));
  client.body("x");
  world.reset_upstream(Code::reset, Progress::sent);
  EXPECT_FALSE(world.upstream.waits());
  EXPECT_EQ(client.problem(), "upstream_closed");
}

TEST(Retry, a_fresh_connection_keeps_no_bytes_for_it) {
  World world;
  Client& client = world.client();
  client.head("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  world.upstream.connect();
  world.run();
  size_t before = world.blocks.blocks_out();
  client.body(std::string(20'000, 'b'));
  EXPECT_EQ(world.blocks.blocks_out(), before);
  client.end();
  world.respond(kOk, "ok");
  EXPECT_TRUE(client.answered());
}

}  // namespace
}  // namespace sluice::flow
