#include "policy/cors/cors.h"

#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

CorsConfig web(const std::string& origin = "https://app.example") {
  CorsConfig config;
  config.origins.push_back({*config::TextForm<OriginPattern>::parse(origin), {}});
  config.expose = {"RateLimit", "Link"};
  return config;
}

Cors policy_of(const CorsConfig& config) { return Cors("web", config, "GET, PUT"); }

std::string preflight(const std::string& more = "", const std::string& origin = "https://app.example") {
  return "OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: " + origin + "\r\nAccess-Control-Request-Method: PUT\r\n" + more + "\r\n";
}

/// The fields of the preflight's answer, Vary left out.
std::string answered(const CorsConfig& config, const std::string& request) {
  Cors policy = policy_of(config);
  TestCall test(request);
  Verdict verdict = policy.on_request(test.call);
  EXPECT_EQ(verdict.kind(), Verdict::Kind::reply);
  if (verdict.kind() != Verdict::Kind::reply) return {};
  http::Head& head = *verdict.reply()->head;
  EXPECT_EQ(head.status, 204);
  EXPECT_TRUE(head.fields.get(http::FieldId::vary).value_or("").starts_with("Origin, "));
  policy.on_response(test.call, head);   // adds nothing
  head.fields.remove(http::FieldId::vary);
  return TestCall::text_of(head.fields);
}

/// The fields of a response after the policy, those of the upstream first.
std::string marked(const CorsConfig& config, const std::string& request_fields, const std::string& response = "") {
  Cors policy = policy_of(config);
  TestCall test("GET / HTTP/1.1\r\nHost: x\r\n" + request_fields + "\r\n");
  EXPECT_EQ(policy.on_request(test.call).kind(), Verdict::Kind::pass);
  TestCall from("GET / HTTP/1.1\r\nHost: x\r\n" + response + "\r\n");
  policy.on_response(test.call, from.head);
  return from.fields();
}

constexpr const char* kOrigin = "Origin: https://app.example\r\n";

TEST(Cors, a_preflight_is_told_what_pages_may_do) {
  EXPECT_EQ(answered(web(), preflight()),
            "Access-Control-Allow-Origin: https://app.example|Access-Control-Allow-Methods: GET, PUT|"
            "Access-Control-Allow-Headers: Authorization, Content-Type|Access-Control-Max-Age: 600");
  CorsConfig config = web();
  config.credentials = true;
  config.headers = {"*"};
  EXPECT_EQ(answered(config, preflight("Access-Control-Request-Headers: authorization,x-y\r\n")),
            "Access-Control-Allow-Origin: https://app.example|Access-Control-Allow-Credentials: true|"
            "Access-Control-Allow-Methods: GET, PUT|Access-Control-Allow-Headers: authorization,x-y|"
            "Access-Control-Max-Age: 600");
  EXPECT_EQ(answered(config, preflight("Access-Control-Request-Headers: a,x y\r\n")).find("Allow-Headers"),
            std::string::npos);
}

TEST(Cors, a_preflight_of_another_origin_is_allowed_nothing) {
  EXPECT_EQ(answered(web(), preflight("", "https://evil.example")), "");
  EXPECT_EQ(answered(web(), preflight("Origin: https://app.example\r\n", "https://evil.example")), "");
  EXPECT_EQ(answered(web(), preflight("Origin: https://app.example\r\n")), "");   // two of them
}

TEST(Cors, a_private_network_is_opened_only_where_that_is_said) {
  std::string asks = preflight("Access-Control-Request-Private-Network: true\r\n");
  EXPECT_EQ(answered(web(), asks).find("Private-Network"), std::string::npos);
  CorsConfig config = web();
  config.private_network = true;
  EXPECT_NE(answered(config, asks).find("Access-Control-Allow-Private-Network: true"), std::string::npos);
  EXPECT_EQ(answered(config, preflight()).find("Private-Network"), std::string::npos);
}

TEST(Cors, other_requests_go_on) {
  Cors policy = policy_of(web());
  for (const char* head : {"OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\n\r\n",
                           "OPTIONS / HTTP/1.1\r\nHost: x\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
                           "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n"}) {
    TestCall test(head);
    EXPECT_EQ(policy.on_request(test.call).kind(), Verdict::Kind::pass) << head;
  }
}

TEST(Cors, answers_are_marked_for_the_origin_that_asked) {
  std::string marks = "Access-Control-Allow-Origin: https://app.example|Access-Control-Expose-Headers: RateLimit, Link";
  EXPECT_EQ(marked(web(), kOrigin), "Vary: Origin|" + marks);
  EXPECT_EQ(marked(web(), ""), "Vary: Origin");
  EXPECT_EQ(marked(web(), "Origin: https://evil.example\r\n"), "Vary: Origin");
  EXPECT_EQ(marked(web(), "Origin: null\r\n"), "Vary: Origin");
  CorsConfig config = web();
  config.credentials = true;
  config.expose.clear();
  EXPECT_EQ(marked(config, kOrigin),
            "Vary: Origin|Access-Control-Allow-Origin: https://app.example|Access-Control-Allow-Credentials: true");
}

TEST(Cors, vary_is_added_once) {
  EXPECT_EQ(marked(web(), "", "Vary: Accept\r\n"), "Vary: Accept|Vary: Origin");
  EXPECT_EQ(marked(web(), "", "Vary: accept, origin\r\n"), "Vary: accept, origin");
  EXPECT_EQ(marked(web(), "", "Vary: *\r\n"), "Vary: *");
  EXPECT_EQ(marked(web(), "", "Vary: X-Origin\r\n"), "Vary: X-Origin|Vary: Origin");
}

TEST(Cors, any_origin_needs_no_vary) {
  CorsConfig config = web("*");
  config.expose.clear();
  EXPECT_EQ(marked(config, kOrigin), "Access-Control-Allow-Origin: *");
  EXPECT_EQ(marked(config, ""), "");
}

TEST(Cors, what_the_upstream_says_is_replaced) {
  std::string upstream = "access-control-allow-origin: *\r\nA: b\r\nAccess-Control-Allow-Credentials: true\r\n";
  CorsConfig config = web();
  config.expose.clear();
  EXPECT_EQ(marked(config, kOrigin, upstream), "A: b|Vary: Origin|Access-Control-Allow-Origin: https://app.example");
  EXPECT_EQ(marked(config, "Origin: https://evil.example\r\n", upstream), "A: b|Vary: Origin");
}

TEST(Cors, the_origin_is_the_clients_whatever_later_policies_change) {
  Cors policy = policy_of(web());
  TestCall test("GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n\r\n");
  policy.on_request(test.call);
  test.head.fields.set(http::FieldId::origin, "https://app.example");
  http::Head response(test.arena);
  policy.on_response(test.call, response);
  EXPECT_EQ(TestCall::text_of(response.fields), "Vary: Origin");
}

TEST(Cors, a_request_that_was_refused_before_is_marked_too) {
  Cors policy = policy_of(web());
  TestCall test("GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\n\r\n");
  http::Head response(test.arena);
  policy.on_response(test.call, response);
  EXPECT_NE(TestCall::text_of(response.fields).find("Allow-Origin: https://app.example"), std::string::npos);
}

TEST(Cors, describes_itself) {
  EXPECT_EQ(policy_of(web()).describe(), "web (GET, PUT for pages of https://app.example)");
}

}  // namespace
}  // namespace sluice::policy
