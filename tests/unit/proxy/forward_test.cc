#include "proxy/forward.h"

#include "unit/policy/call.h"

namespace sluice::proxy {
namespace {

using policy::TestCall;

struct Forwarding {
  explicit Forwarding(std::string_view text) : call(text) {
    facts.route = &route;
    facts.request_id = "id";
    facts.traceparent = "tp";
    facts.peer_ip = *IpAddress::parse("192.0.2.7");
  }
  std::string value(std::string_view name) const {
    std::string out;
    for (const http::Field& field : call.head.fields) {
      if (field.name() == name) out += (out.empty() ? "" : "|") + std::string(field.value());
    }
    return out.empty() ? "-" : out;
  }
  TestCall call;
  snapshot::RoutePart route;
  ForwardFacts facts;
};

constexpr std::string_view kClaims =
    "GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: "
    "2.2.2.2, 3.3.3.3\r\n"
    "X-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 9\r\nX-Real-IP: "
    "4.4.4.4\r\n"
    "Forwarded: for=1.1.1.1\r\nVia: 1.0 first\r\nx_forwarded_for: 6.6.6.6\r\nX_Real_IP: "
    "7.7.7.7\r\n\r\n";

TEST(Forward, what_an_untrusted_peer_says_of_others_is_replaced) {
  Forwarding one(kClaims);
  ASSERT_TRUE(prepare_upstream_request(one.call.call, one.facts));
  EXPECT_EQ(one.value("X-Forwarded-For"), "192.0.2.7");
  EXPECT_EQ(one.value("X-Forwarded-Host"), "shop.example");
  EXPECT_EQ(one.value("X-Forwarded-Proto"), "http");
  EXPECT_EQ(one.value("X-Forwarded-Port"), "-");
  EXPECT_EQ(one.value("X-Real-IP"), "-");
  EXPECT_EQ(one.value("Forwarded"), "for=192.0.2.7;host=shop.example;proto=http");
  EXPECT_EQ(one.value("x_forwarded_for"), "-");
  EXPECT_EQ(one.value("X_Real_IP"), "-");
  EXPECT_EQ(one.value("Via"), "1.0 first, 1.1 sluice");
  EXPECT_EQ(one.value("X-Request-Id"), "id");
  EXPECT_EQ(one.value("traceparent"), "tp");
}

TEST(Forward, what_a_trusted_peer_says_is_kept_and_added_to) {
  Forwarding one(kClaims);
  one.facts.trusted_peer = true;
  one.call.client.scheme = http::Scheme::https;  // as find_client() believed it
  ASSERT_TRUE(prepare_upstream_request(one.call.call, one.facts));
  EXPECT_EQ(one.value("X-Forwarded-For"), "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7");
  EXPECT_EQ(one.value("X-Forwarded-Host"), "evil");
  EXPECT_EQ(one.value("X-Forwarded-Proto"), "https");
  EXPECT_EQ(one.value("X-Forwarded-Port"), "9");
  EXPECT_EQ(one.value("X-Real-IP"), "4.4.4.4");
  EXPECT_EQ(one.value("Forwarded"), "for=1.1.1.1, for=192.0.2.7;host=shop.example;proto=https");
}

// As a set rule leaves them: the client's own have been removed.
TEST(Forward, the_real_address_and_port_that_a_rule_sets_stay) {
  Forwarding one("GET /a HTTP/1.1\r\nHost: x\r\nX-Real-IP: 192.0.2.7\r\nX-Forwarded-Port: 443\r\nX_Real_IP: 7.7.7.7\r\n\r\n");
  one.route.set_fields = {http::FieldId::x_real_ip};
  ASSERT_TRUE(prepare_upstream_request(one.call.call, one.facts));
  EXPECT_EQ(one.value("X-Real-IP"), "192.0.2.7");
  EXPECT_EQ(one.value("X_Real_IP"), "-");
  EXPECT_EQ(one.value("X-Forwarded-Port"), "-");
}

TEST(Forward, a_client_that_one_list_names_is_in_both) {
  struct Case {
    const char* field;
    const char* client;
    const char* chain;
    const char* forwarded;
  };
  constexpr Case kCases[] = {
      {"X-Forwarded-For: 1.1.1.1", "1.1.1.1", "1.1.1.1, 192.0.2.7", "for=1.1.1.1, for=192.0.2.7;host=x;proto=http"},
      {"X-Forwarded-For: 2001:db8::7", "2001:db8::7", "2001:db8::7, 192.0.2.7", "for=\"[2001:db8::7]\", for=192.0.2.7;host=x;proto=http"},
      {"Forwarded: for=1.1.1.1;by=2.2.2.2", "1.1.1.1", "1.1.1.1, 192.0.2.7", "for=1.1.1.1;by=2.2.2.2, for=192.0.2.7;host=x;proto=http"},
      {"X-A: b", "192.0.2.7", "192.0.2.7", "for=192.0.2.7;host=x;proto=http"},
  };
  for (const Case& one : kCases) {
    Forwarding forwarding(std::string("GET / HTTP/1.1\r\nHost: x\r\n") + one.field + "\r\n\r\n");
    forwarding.facts.trusted_peer = true;
    forwarding.call.client.ip = *IpAddress::parse(one.client);
    ASSERT_TRUE(prepare_upstream_request(forwarding.call.call, forwarding.facts));
    EXPECT_EQ(forwarding.value("X-Forwarded-For"), one.chain);
    EXPECT_EQ(forwarding.value("Forwarded"), one.forwarded);
  }
}

TEST(Forward, addresses_and_ports_are_quoted_where_they_must_be) {
  struct Case {
    const char* host;
    const char* ip;
    const char* forwarded;
    const char* chain;
  };
  constexpr Case kCases[] = {
      {"x:81", "192.0.2.7", "for=192.0.2.7;host=\"x:81\";proto=http", "192.0.2.7"},
      {"[2001:db8::1]", "2001:db8::7", "for=\"[2001:db8::7]\";host=\"[2001:db8::1]\";proto=http",
       "2001:db8::7"},
      {"x", "", "for=unknown;host=x;proto=http", "-"},  // a unix socket
  };
  for (const Case& one : kCases) {
    Forwarding forwarding(std::string("GET / HTTP/1.1\r\nHost: ") + one.host + "\r\n\r\n");
    forwarding.facts.peer_ip = IpAddress::parse(one.ip).value_or(IpAddress{});
    ASSERT_TRUE(prepare_upstream_request(forwarding.call.call, forwarding.facts));
    EXPECT_EQ(forwarding.value("Forwarded"), one.forwarded);
    EXPECT_EQ(forwarding.value("X-Forwarded-For"), one.chain);
  }
}

TEST(Forward, a_trace_that_came_is_passed_on_as_it_came) {
  Forwarding one("GET / HTTP/1.1\r\nHost: x\r\ntraceparent: theirs\r\ntracestate: a=b\r\n\r\n");
  ASSERT_TRUE(prepare_upstream_request(one.call.call, one.facts));
  EXPECT_EQ(one.value("traceparent"), "theirs");
  EXPECT_EQ(one.value("tracestate"), "a=b");
}

struct Rewriting : snapshot::RoutePart {
  explicit Rewriting(const char* path, const char* host = "") {
    if (*path) rewrite.path = policy::Template(*config::parse_template(path));
    rewrite.host = host;
  }
};

TEST(Forward, a_rewritten_path_is_put_into_normal_form_or_refused) {
  struct Case {
    const char* path;
    const char* value;
    const char* result;
  };  // null: refused
  constexpr Case kCases[] = {
      {"/in/{path.p}", "a", "/in/a"},  {"/in/{path.p}", "a%2Fb", "/in/a%2Fb"},
      {"/in/{path.p}/x", "..", "/x"},  {"/{path.p}", "../..", nullptr},
      {"/in/{path.p}/x", "", nullptr}, {"/in/{path.p}", "\x01", nullptr},
      {"/{path.none}", "a", nullptr},
  };
  for (const Case& one : kCases) {
    Forwarding forwarding("GET /a?q HTTP/1.1\r\nHost: x\r\n\r\n");
    Rewriting route(one.path);
    forwarding.facts.route = &route;
    policy::Param param{"p", one.value};
    forwarding.call.call.params_ = {&param, 1};
    EXPECT_EQ(prepare_upstream_request(forwarding.call.call, forwarding.facts),
              one.result != nullptr)
        << one.value;
    if (one.result) {
      EXPECT_EQ(forwarding.call.head.path, one.result);
    }
    EXPECT_EQ(forwarding.call.head.query, "q");
  }
}

TEST(Forward, a_rewritten_host_does_not_change_what_is_told_of_the_clients) {
  Forwarding one("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  Rewriting route("", "inner:81");
  one.facts.route = &route;
  ASSERT_TRUE(prepare_upstream_request(one.call.call, one.facts));
  EXPECT_EQ(one.call.head.authority, "inner:81");
  EXPECT_EQ(one.value("X-Forwarded-Host"), "shop.example");
}

}  // namespace
}  // namespace sluice::proxy
