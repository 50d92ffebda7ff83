// A request's way through the engine when nothing goes wrong, and the answers that the gateway
// makes itself.
#include "fakes/policies.h"
#include "flow/world.h"

namespace sluice::flow {
namespace {

TEST(Steps, a_request_goes_to_the_upstream_and_its_response_back) {
  World world;
  Client& client = world.client();
  client.ask("GET /a/./b?q=%2F HTTP/1.1\r\nHost: X.example\r\nAccept: a\r\n\r\n");
  ASSERT_TRUE(world.upstream.waits());
  world.upstream.connect();
  world.run();
  const fakes::SentHead& sent = *world.upstream_side().stream.head;
  EXPECT_EQ(sent.method, "GET");
  EXPECT_EQ(sent.path, "/a/b");
  EXPECT_EQ(sent.authority, "x.example");
  EXPECT_EQ(sent["Accept"], "a");
  EXPECT_EQ(sent["X-Forwarded-For"], "192.0.2.7");
  EXPECT_EQ(sent.end, http::End::yes);
  world.respond("HTTP/1.1 201 Made\r\nContent-Length: 5\r\nETag: x\r\n\r\n", "hello");
  EXPECT_TRUE(client.answered());
  EXPECT_EQ(client.status(), 201);
  EXPECT_EQ((*client.stream.head)["ETag"], "x");
  EXPECT_EQ(client.stream.body, "hello");
  EXPECT_EQ((*client.stream.head)["X-Request-Id"], sent["X-Request-Id"]);
  EXPECT_TRUE(world.upstream_side().stream.detached);
  EXPECT_EQ(world.upstream.outcomes, std::vector{upstream::Outcome::served});
}

TEST(Steps, a_response_without_body_ends_with_its_head) {
  for (const char* head :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    World world;
    world.upstream.pooled = true;
    Client& client = world.client();
    client.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    world.respond_head(head);
    if (std::string_view(head).ends_with(": 0\r\n\r\n") && !client.answered()) world.respond_end();
    EXPECT_TRUE(client.answered()) << head;
    EXPECT_EQ(client.stream.body, "");
  }
}

TEST(Steps, an_upstream_that_closes_its_connection_does_not_close_the_clients) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.respond("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", "x");
  EXPECT_TRUE(client.stream.head->keep_alive);
}

TEST(Steps, the_gateway_answers_for_itself) {
  constexpr std::string_view kRoutes =
      "[route.get]\nmatch = { path = \"/get\", methods = [\"GET\", \"PUT\"] }\nupstream = \"u\"\n"
      "[route.get.headers.response]\nset = { X-Rule = \"yes\" }\n"
      "[route.moved]\nmatch = { path = \"/old/{name}\" }\nredirect = { to = \"/new/{path.name}\", "
      "status = 301 }\n"
      "[route.fixed]\nmatch = { path = \"/fixed\" }\n"
      "respond = { status = 418, body = \"tea\", headers = { X-Pot = \"1\" } }\n";
  struct Case {
    const char* text;
    int status;
    const char* problem;
    const char* field;
    const char* value;
  };
  constexpr Case kCases[] = {
      {"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 404, "no_route", "Content-Type",
       "application/problem+json"},
      {"POST /get HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method_not_allowed", "Allow",
       "GET, HEAD, PUT"},
      {"POST /get HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method_not_allowed", "X-Rule", "yes"},
      {"GET /old/7 HTTP/1.1\r\nHost: x\r\n\r\n", 301, "", "Location", "/new/7"},
      {"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n", 418, "", "X-Pot", "1"},
      {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 204, "", "Date", "Tue, 14 Nov 2023 22:13:20 GMT"},
  };
  for (const Case& one : kCases) {
    World world(kRoutes);
    Client& client = world.client();
    client.ask(one.text);
    EXPECT_TRUE(client.answered()) << one.text;
    EXPECT_EQ(client.status(), one.status) << one.text;
    EXPECT_EQ(client.problem(), one.problem) << one.text;
    EXPECT_EQ((*client.stream.head)[one.field], one.value) << one.text;
    EXPECT_NE((*client.stream.head)["X-Request-Id"], "-");
    EXPECT_TRUE(client.stream.head->keep_alive) << one.text;
    EXPECT_EQ(world.upstream.picks, 0);
  }
}

TEST(Steps, a_policy_with_memory_sees_a_405_too) {
  World world("[route.r]\nmatch = { path = \"/\", methods = [\"GET\"] }\nupstream = \"u\"\n");
  world.add_policy("r", std::make_unique<fakes::MarkingPolicy>("a"));
  Client& client = world.client();
  client.ask("PUT / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.status(), 405);
  EXPECT_EQ((*client.stream.head)["X-Unseen"], "a");
}

TEST(Steps, a_policy_with_memory_sees_a_413_that_the_head_announces) {
  World world(
      "[route.r]\nmatch = { path = \"/\" }\nupstream = \"u\"\nlimits = { body = \"10B\" }\n");
  world.add_policy("r", std::make_unique<fakes::MarkingPolicy>("a"));
  Client& client = world.client();
  client.head("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(client.status(), 413);
  EXPECT_EQ((*client.stream.head)["X-Order"], "a");
  EXPECT_EQ(world.upstream.picks, 0);
}

TEST(Steps, a_redirecting_listener_sends_everything_to_https) {
  World world;
  auto settings = *world.lease.snapshot->listeners[0]->settings;
  settings.redirect_port = 8443;
  Client& client = world.client();
  world.facts.back().listener = &settings;
  client.ask("GET /a?b HTTP/1.1\r\nHost: x.example:80\r\n\r\n");
  EXPECT_EQ(client.status(), 308);
  EXPECT_EQ((*client.stream.head)["Location"], "https://x.example:8443/a?b");
}

TEST(Steps, strict_transport_security_is_said_over_tls_and_never_of_an_address) {
  struct Case {
    const char* host;
    bool tls;
    const char* value;
  };
  for (const Case& one : {Case{"x.example", true, "max-age=9"}, Case{"x.example", false, "-"},
                          Case{"127.0.0.1", true, "-"}, Case{"localhost", true, "-"}}) {
    World world("[route.r]\nmatch = { path = \"/\" }\nrespond = { status = 204 }\n");
    auto settings = *world.lease.snapshot->listeners[0]->settings;
    settings.hsts = "max-age=9";
    Client& client = world.client();
    world.facts.back().listener = &settings;
    world.facts.back().tls = one.tls;
    client.ask(std::string("GET / HTTP/1.1\r\nHost: ") + one.host + "\r\n\r\n");
    EXPECT_EQ((*client.stream.head)["Strict-Transport-Security"], one.value) << one.host;
  }
}

TEST(Steps, a_refused_head_is_answered_and_closes) {
  World world;
  Client& client = world.client();
  client.refused(http::kBareLf);
  EXPECT_EQ(client.status(), 400);
  EXPECT_EQ(client.problem(), "bare_lf");
  EXPECT_FALSE(client.stream.head->keep_alive);
}

TEST(Steps, an_overloaded_gateway_says_so_and_when_to_come_again) {
  World world;
  Client& client = world.client();
  world.facts.back().refusal = server::Refusal::connections;
  client.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.problem(), "overloaded");
  EXPECT_EQ((*client.stream.head)["Retry-After"], "5");
  EXPECT_FALSE(client.stream.head->keep_alive);
}

TEST(Steps, informational_responses_pass_before_the_head) {
  World world;
  world.upstream.pooled = true;
  Client& client = world.client();
  client.head("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(world.upstream_side().stream.head->expect_continue);
  EXPECT_TRUE(client.stream.informational.empty());
  world.respond_informational(100);
  EXPECT_EQ(client.stream.informational, std::vector<uint16_t>{100});
  client.body("abc");
  client.end();
  EXPECT_EQ(world.upstream_side().stream.body, "abc");
  world.respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok");
  EXPECT_TRUE(client.answered());
}

TEST(Steps, one_hundred_continue_is_not_asked_for_a_request_that_a_policy_refuses) {
  World world;
  world.add_policy("r",
                   std::make_unique<fakes::MarkingPolicy>("a", fakes::MarkingPolicy::Does::refuse));
  Client& client = world.client();
  client.head("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.status(), 403);
  EXPECT_TRUE(client.stream.informational.empty());
  EXPECT_FALSE(client.stream.head->keep_alive);  // the body may come all the same
  EXPECT_EQ(world.upstream.picks, 0);
}

}  // namespace
}  // namespace sluice::flow
