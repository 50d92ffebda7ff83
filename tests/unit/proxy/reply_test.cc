#include "proxy/reply.h"

#include "proxy/problems.h"
#include "unit/policy/call.h"

namespace sluice::proxy {
namespace {

using policy::TestCall;

TEST(Reply, a_problem_has_the_form_that_the_client_accepts) {
  struct Case {
    const char* accept;
    const char* type;
  };
  for (const Case& one : {Case{"", "application/problem+json"},
                          Case{"Accept: text/html\r\n", "text/html; charset=utf-8"},
                          Case{"Accept: text/plain\r\n", "text/plain; charset=utf-8"}}) {
    TestCall call(std::string("GET / HTTP/1.1\r\nHost: x\r\n") + one.accept + "\r\n");
    Reply reply = problem_reply({call.call, "", nullptr, nullptr}, kNoRoute);
    EXPECT_EQ(reply.head->status, 404);
    EXPECT_EQ(reply.head->fields.get(http::FieldId::content_type), one.type);
    EXPECT_EQ(reply.head->fields.get(http::FieldId::cache_control), "no-store");
    EXPECT_NE(reply.body.find("id"), std::string_view::npos);
  }
}

TEST(Reply, retry_after_comes_with_503_and_allow_with_405) {
  for (const Problem* problem : kProblems) {
    TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    bool method = problem == &kMethodNotAllowed;
    Reply reply = problem_reply({call.call, method ? "GET" : "", nullptr, nullptr}, *problem);
    EXPECT_EQ(reply.head->fields.has(http::FieldId::retry_after), problem->status == 503)
        << problem->code;
    EXPECT_EQ(reply.head->fields.has(http::FieldId::allow), method) << problem->code;
  }
}

TEST(Reply, a_redirect_never_carries_control_bytes) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  snapshot::RoutePart route;
  route.redirect =
      snapshot::Redirect{policy::Template(*config::parse_template("/to/{path.p}")), 302};
  for (auto [value, location] : {std::pair{"a", "/to/a"}, std::pair{"a\r\nEvil: 1", ""}}) {
    policy::Param param{"p", value};
    call.call.params_ = {&param, 1};
    std::optional<Reply> reply = redirect_reply({call.call, "", &route, nullptr});
    ASSERT_EQ(reply.has_value(), *location != '\0') << value;
    if (!reply) continue;
    EXPECT_EQ(reply->head->status, 302);
    EXPECT_EQ(reply->head->fields.get(http::FieldId::location), location);
  }
}

TEST(Reply, a_redirect_keeps_the_query_unless_it_has_its_own) {
  struct Case {
    const char* target;
    const char* to;
    const char* location;
  };
  for (const Case& one :
       {Case{"/a?b=%2F&c", "/x", "/x?b=%2F&c"}, Case{"/a?", "https://h/x", "https://h/x?"},
        Case{"/a?b", "/x#part", "/x?b#part"}, Case{"/a?b", "/x?own=1", "/x?own=1"}, Case{"/a", "/x", "/x"}}) {
    TestCall call(std::string("GET ") + one.target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    snapshot::RoutePart route;
    route.redirect = snapshot::Redirect{policy::Template(*config::parse_template(one.to)), 308};
    Reply reply = redirect_reply({call.call, "", &route, nullptr}).value();
    EXPECT_EQ(reply.head->fields.get(http::FieldId::location), one.location) << one.to;
  }
}

TEST(Reply, a_redirect_to_a_path_stays_on_the_host) {
  for (const char* value : {"/evil.example", "//evil.example", "\\evil.example", "/\\/evil.example"}) {
    TestCall call("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    snapshot::RoutePart route;
    route.redirect = snapshot::Redirect{policy::Template(*config::parse_template("/{path.p}")), 308};
    policy::Param param{"p", value};
    call.call.params_ = {&param, 1};
    Reply reply = redirect_reply({call.call, "", &route, nullptr}).value();
    EXPECT_EQ(reply.head->fields.get(http::FieldId::location), "/evil.example") << value;
  }
}

TEST(Reply, a_redirect_to_https_keeps_host_path_and_query) {
  server::ListenerSettings settings;
  struct Case {
    const char* target;
    const char* host;
    uint16_t port;
    const char* location;
  };
  for (const Case& one :
       {Case{"/a?b=%2F", "x:80", 443, "https://x/a?b=%2F"}, Case{"/", "x", 8443, "https://x:8443/"},
        Case{"/a?", "[::1]:8080", 443, "https://[::1]/a?"}}) {
    settings.redirect_port = one.port;
    TestCall call(std::string("GET ") + one.target + " HTTP/1.1\r\nHost: " + one.host + "\r\n\r\n");
    Reply reply = https_redirect_reply({call.call, "", nullptr, &settings});
    EXPECT_EQ(reply.head->status, 308);
    EXPECT_EQ(reply.head->fields.get(http::FieldId::location), one.location);
  }
}

TEST(Reply, a_fixed_response_says_what_its_body_is_unless_the_file_does) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  snapshot::RoutePart route;
  route.respond = snapshot::Respond{200, "hi", {}};
  EXPECT_EQ(
      fixed_reply({call.call, "", &route, nullptr}).head->fields.get(http::FieldId::content_type),
      "text/plain; charset=utf-8");
  route.respond->headers = {{"content-type", "text/css"}};
  EXPECT_EQ(
      fixed_reply({call.call, "", &route, nullptr}).head->fields.count(http::FieldId::content_type),
      1U);
  route.respond = snapshot::Respond{204, "", {}};
  EXPECT_FALSE(
      fixed_reply({call.call, "", &route, nullptr}).head->fields.has(http::FieldId::content_type));
}

}  // namespace
}  // namespace sluice::proxy
