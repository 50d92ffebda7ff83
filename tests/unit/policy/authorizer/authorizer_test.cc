#include "policy/authorizer/authorizer.h"

#include "unit/policy/service.h"

namespace sluice::policy {
namespace {

using Kind = Verdict::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

class AuthorizerTest : public ::testing::Test {
 protected:
  AuthorizerTest() {
    service_.say("", "200 OK", "X-Role: admin\r\nX-Other: no\r\n");
    config_.url.emplace(config::Placed<std::string>{service_.url("/check?v=1").text(), {}});
    config_.copy = {{"X-Role", {}}, {"X-Tenant", {}}};
    config_.timeout = milliseconds(net::kSanitized ? 3000 : 1000);
  }
  using Outcome = observe::ServiceOutcome;
  uint64_t counted(Outcome outcome) const { return counts_->count_of(static_cast<size_t>(outcome)); }
  AuthorizerService& service() {
    if (!made_) made_ = std::make_shared<AuthorizerService>("permissions", config_, nullptr, 1, counts_);
    return *made_;
  }
  struct Asked : TestCall {
    Asked(const std::string& target, const std::string& fields, const TestReach* reach)
        : TestCall("DELETE " + target + " HTTP/1.1\r\nHost: api.example\r\n" + fields + "\r\n") {
      call.reach_ = reach ? &reach->reach : nullptr;
    }
  };
  Verdict finish(TestCall& test) {
    Verdict verdict = service().on_request(test.call);
    if (verdict.kind() != Kind::wait) return verdict;
    EXPECT_EQ(verdict.problem(), config_.on_down == AuthorizerDown::open ? nullptr : &kAuthorizerUnavailable);
    EXPECT_TRUE(reach_.until_woken(test));
    EXPECT_EQ(test.last, Kind::again);
    test.verdicts = 0;
    verdict = service().on_request(test.call);
    EXPECT_NE(verdict.kind(), Kind::wait);
    return verdict;
  }
  /// gives: what became of one request; null: it passes
  const http::Problem* refusal(const std::string& target, const std::string& fields = "") {
    Asked test(target, fields, &reach_);
    Verdict verdict = finish(test);
    return verdict.kind() == Kind::pass ? nullptr : verdict.problem();
  }

  TestReach reach_;
  TestService service_{reach_};
  AuthorizerConfig config_;
  std::shared_ptr<AuthorizerService> made_;
  std::shared_ptr<observe::SharedServiceCounts> counts_ = std::make_shared<observe::SharedServiceCounts>();
};

TEST_F(AuthorizerTest, hears_what_is_asked_and_says_what_the_upstream_gets) {
  config::Template user;
  user.parts.push_back({"route ", true, {config::Fact::Kind::route, ""}});
  config_.set.push_back({"X-Route", {}, {user, {}}});
  Asked test("/orders/7?a=1", "Cookie: c=1\r\ncookie: d=2\r\nX-Role: root\r\nX_Tenant: root\r\nx-secret: s\r\n", &reach_);
  EXPECT_EQ(finish(test).kind(), Kind::pass);
  EXPECT_EQ(test.fields(), "Cookie: c=1|cookie: d=2|x-secret: s|X-Role: admin");
  ASSERT_EQ(service_.asked.size(), 1u);
  const std::string& asked = service_.asked.front();
  EXPECT_TRUE(asked.starts_with("GET /check?v=1 HTTP/1.1\r\n")) << asked;
  for (std::string_view line :
       {"X-Forwarded-Method: DELETE", "X-Forwarded-Proto: http", "X-Forwarded-Host: api.example",
        "X-Forwarded-Uri: /orders/7?a=1", "X-Forwarded-For: 192.0.2.7", "Cookie: c=1", "Cookie: d=2", "X-Route: route orders"}) {
    EXPECT_NE(asked.find("\r\n" + std::string(line) + "\r\n"), std::string::npos) << line << "\n" << asked;
  }
  EXPECT_EQ(asked.find("secret"), std::string::npos);
}

TEST_F(AuthorizerTest, a_refusal_is_the_clients_answer) {
  service_.say("no", "401 No", "WWW-Authenticate: Bearer realm=\"a\"\r\nWWW-Authenticate: Basic\r\nX-Role: x\r\n");
  Asked test("/", "", &reach_);
  Verdict verdict = finish(test);
  ASSERT_EQ(verdict.kind(), Kind::refuse);
  EXPECT_EQ(verdict.problem(), &kAuthorizerUnauthorized);
  EXPECT_EQ(test.call.findings().rule, "permissions");
  http::Head response(test.arena);
  response.status = 401;
  service().on_response(test.call, response);
  EXPECT_EQ(TestCall::text_of(response.fields), "WWW-Authenticate: Bearer realm=\"a\"|WWW-Authenticate: Basic");
  service_.say("", "403 No");
  EXPECT_EQ(refusal("/"), &kAuthorizerForbidden);
  for (const char* status : {"302 Found", "404 No", "429 Slow", "500 No", "101 Switching Protocols"}) {
    service_.say("", status);
    EXPECT_EQ(refusal("/"), &kAuthorizerUnavailable) << status;
  }
  EXPECT_EQ(counted(Outcome::accepted), 0u);
  EXPECT_EQ(counted(Outcome::refused), 2u);
  EXPECT_EQ(counted(Outcome::failed), 5u);
}

TEST_F(AuthorizerTest, without_a_cache_every_request_asks) {
  std::vector<std::unique_ptr<Asked>> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(std::make_unique<Asked>("/", "", &reach_));
    ASSERT_EQ(service().on_request(all.back()->call).kind(), Kind::wait);
  }
  for (auto& one : all) {
    ASSERT_TRUE(reach_.until_woken(*one));
    EXPECT_EQ(service().on_request(one->call).kind(), Kind::pass);
  }
  EXPECT_EQ(service_.asked.size(), 5u);
}

TEST_F(AuthorizerTest, one_connection_serves_one_question_after_the_other) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(refusal("/"), nullptr);
  EXPECT_EQ(service_.asked.size(), 5u);
  EXPECT_EQ(service_.door.ends.size(), 1u);
  EXPECT_EQ(counts_->connections(), 1u);
}

TEST_F(AuthorizerTest, an_answer_serves_the_same_question_only) {
  config_.cache_for = seconds(10);
  EXPECT_EQ(refusal("/a", "Cookie: 1\r\n"), nullptr);
  service_.say("", "403 No");
  EXPECT_EQ(refusal("/a", "Cookie: 1\r\nX-Else: 1\r\n"), nullptr);
  EXPECT_EQ(service_.asked.size(), 1u);
  EXPECT_EQ(refusal("/a", "Cookie: 2\r\n"), &kAuthorizerForbidden);
  EXPECT_EQ(refusal("/a?", "Cookie: 1\r\n"), &kAuthorizerForbidden);
  EXPECT_EQ(refusal("/b", "Cookie: 1\r\n"), &kAuthorizerForbidden);
  service_.say("");
  EXPECT_EQ(refusal("/b", "Cookie: 1\r\n"), &kAuthorizerForbidden);   // remembered too
  Asked later("/b", "Cookie: 1\r\n", &reach_);
  later.clock.advance(seconds(10));
  EXPECT_EQ(finish(later).kind(), Kind::pass);
}

TEST_F(AuthorizerTest, the_facts_of_cache_key_say_which_questions_are_the_same) {
  config_.cache_for = seconds(10);
  config_.cache_key = {{{config::Fact::Kind::header, "Cookie"}, {}}};
  EXPECT_EQ(refusal("/a", "Cookie: 1\r\n"), nullptr);
  EXPECT_EQ(refusal("/b", "Cookie: 1\r\n"), nullptr);
  EXPECT_EQ(service_.asked.size(), 1u);
  service_.say("", "403 No");
  EXPECT_EQ(refusal("/a", "Cookie:\r\n"), &kAuthorizerForbidden);
  service_.say("");
  EXPECT_EQ(refusal("/a"), nullptr);   // none is not an empty one
}

TEST_F(AuthorizerTest, while_the_service_is_away_requests_pass_only_where_that_is_said) {
  service_.answer.clear();
  config_.timeout = milliseconds(100);
  for (AuthorizerDown mode : {AuthorizerDown::closed, AuthorizerDown::open}) {
    config_.on_down = mode;
    made_.reset();
    bool open = mode == AuthorizerDown::open;
    EXPECT_EQ(refusal("/"), open ? nullptr : &kAuthorizerUnavailable);
    std::vector<std::unique_ptr<Asked>> all;
    for (size_t i = 0; i < kServiceQuestionsMax; ++i) {
      all.push_back(std::make_unique<Asked>("/", "X-Role: root\r\n", &reach_));
      ASSERT_EQ(service().on_request(all.back()->call).kind(), Kind::wait);
    }
    Asked late("/", "x-role: root\r\nX-Tenant: root\r\n", &reach_);
    Verdict verdict = service().on_request(late.call);   // too many ask already
    EXPECT_EQ(verdict.kind(), open ? Kind::pass : Kind::refuse);
    EXPECT_EQ(late.fields(), "");   // nobody has vouched for them
    for (auto& one : all) EXPECT_TRUE(reach_.until_woken(*one));
    EXPECT_EQ(service().on_request(all[0]->call).kind(), open ? Kind::pass : Kind::refuse);
  }
  EXPECT_EQ(counted(Outcome::failed), 2 * (1 + kServiceQuestionsMax));
  EXPECT_EQ(counted(Outcome::unasked), 2u);
}

TEST_F(AuthorizerTest, where_nobody_can_be_asked_the_request_waits) {   // explain
  Asked test("/", "", nullptr);
  EXPECT_EQ(service().on_request(test.call).kind(), Kind::wait);
}

}  // namespace
}  // namespace sluice::policy
