#include "policy/auth/introspection.h"

#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"
#include "unit/policy/service.h"

namespace sluice::policy {
namespace {

using Finding = Authenticator::Finding;
using std::chrono::milliseconds;
using std::chrono::seconds;

class IntrospectionTest : public ::testing::Test {
 protected:
  IntrospectionTest() { service_.say(R"({"active": true, "sub": "alice", "scope": "a b", "client_id": "app"})"); }

  IntrospectionOptions options() {
    IntrospectionOptions out;
    out.url = service_.url("/introspect?realm=main");
    out.login = std::make_shared<IntrospectionLogin>(
        std::make_shared<const crypto::Secret>(introspection_login("gate way", crypto::Secret("s:%cret"))));
    out.timeout = milliseconds(net::kSanitized ? 3000 : 1000);
    out.cache_for = seconds(10);
    out.cache_bytes = 1 << 20;
    out.rules.introspected = true;
    return out;
  }
  IntrospectionAuthenticator& authenticator() {
    if (!authenticator_) authenticator_ = std::make_shared<IntrospectionAuthenticator>("opaque", options());
    return *authenticator_;
  }
  void use(IntrospectionOptions with) {
    authenticator_ = std::make_shared<IntrospectionAuthenticator>("opaque", std::move(with));
  }

  struct Asked : TestCall {
    Asked(const std::string& token, const TestReach* reach)
        : TestCall("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n") {
      call.reach_ = reach ? &reach->reach : nullptr;
    }
  };
  Authenticator::Outcome finish(TestCall& test) {
    Authenticator::Outcome outcome = authenticator().authenticate(test.call);
    if (outcome.finding != Finding::waiting) return outcome;
    EXPECT_TRUE(reach_.until_woken(test));
    EXPECT_EQ(test.last, Verdict::Kind::again);
    test.verdicts = 0;
    outcome = authenticator().authenticate(test.call);
    EXPECT_NE(outcome.finding, Finding::waiting);
    return outcome;
  }
  const http::Problem* refusal(const std::string& token) {
    Asked test(token, &reach_);
    return finish(test).problem;
  }

  TestReach reach_;
  TestService service_{reach_};
  std::shared_ptr<IntrospectionAuthenticator> authenticator_;
};

TEST_F(IntrospectionTest, asks_once_as_rfc_7662_says_and_remembers) {
  Asked test("a+b/c=", &reach_);
  ASSERT_EQ(finish(test).finding, Finding::accepted);
  const Identity& identity = *test.call.identity();
  EXPECT_EQ(identity.subject, "alice");
  EXPECT_EQ(identity.method, "introspection");
  EXPECT_EQ(identity.authenticator, "opaque");
  EXPECT_TRUE(identity.has_scope("b"));
  EXPECT_EQ(identity.claim("client_id")->value, "app");
  ASSERT_EQ(service_.asked.size(), 1u);
  const std::string& asked = service_.asked.front();
  EXPECT_TRUE(asked.starts_with("POST /introspect?realm=main HTTP/1.1\r\n")) << asked;
  EXPECT_NE(asked.find("\r\nContent-Type: application/x-www-form-urlencoded\r\n"), std::string::npos);
  EXPECT_NE(asked.find("\r\nAuthorization: Basic Z2F0ZSUyMHdheTpzJTNBJTI1Y3JldA==\r\n"), std::string::npos);
  EXPECT_TRUE(asked.ends_with("\r\n\r\ntoken=a%2Bb%2Fc%3D&token_type_hint=access_token")) << asked;
  Asked again("a+b/c=", &reach_), other("a+b/c", &reach_);
  EXPECT_EQ(authenticator().authenticate(again.call).finding, Finding::accepted);   // at once
  EXPECT_EQ(authenticator().authenticate(other.call).finding, Finding::waiting);
  EXPECT_TRUE(reach_.until_woken(other));
}

TEST_F(IntrospectionTest, is_asked_anew_when_the_answer_has_grown_old) {
  Asked test("t", &reach_);
  ASSERT_EQ(finish(test).finding, Finding::accepted);
  service_.say(R"({"active": false})");
  test.clock.advance(seconds(9));
  EXPECT_EQ(finish(test).finding, Finding::accepted);
  test.clock.advance(seconds(1));
  EXPECT_EQ(finish(test).problem, &kTokenInactive);
  service_.say(R"({"active": true})");
  EXPECT_EQ(finish(test).problem, &kTokenInactive);   // that is remembered too
  test.clock.advance(seconds(10));
  EXPECT_EQ(finish(test).finding, Finding::accepted);
  EXPECT_EQ(service_.asked.size(), 3u);
}

TEST_F(IntrospectionTest, a_token_is_rechecked_at_the_pace_of_what_is_remembered) {
  Asked test("t", &reach_);
  ASSERT_EQ(finish(test).finding, Finding::accepted);
  const Identity& identity = *test.call.identity();
  EXPECT_EQ(identity.token, "t");
  EXPECT_EQ(identity.handle.size(), QuestionKey().size());
  AcceptedCredential shown{identity.credential, identity.subject, identity.handle, identity.token};
  auto recheck = [&] { return authenticator().recheck(test.call, shown, test.clock.now()); };
  TimePoint fresh_until = test.clock.now() + seconds(10);
  service_.say(R"({"active": false})");
  EXPECT_EQ(recheck().finding, Finding::accepted);
  EXPECT_EQ(recheck().deadline, fresh_until);
  EXPECT_EQ(service_.asked.size(), 1u);
  test.clock.advance(seconds(10));
  service_.say("", "500 No");
  ASSERT_EQ(recheck().finding, Finding::waiting);
  ASSERT_TRUE(reach_.until_woken(test));
  EXPECT_FALSE(is_clients_fault(*recheck().problem));
  test.clock.advance(seconds(1));
  service_.say(R"({"active": false})");
  ASSERT_EQ(recheck().finding, Finding::waiting);
  ASSERT_TRUE(reach_.until_woken(test, 2));
  EXPECT_EQ(recheck().problem, &kTokenInactive);
  EXPECT_TRUE(is_clients_fault(*recheck().problem));
  shown.token = {};   // a ticket's
  EXPECT_EQ(recheck().finding, Finding::accepted);
  EXPECT_EQ(service_.asked.size(), 3u);
}

TEST_F(IntrospectionTest, an_answer_never_outlives_the_token) {
  Asked test("t", &reach_);
  auto now = std::chrono::duration_cast<seconds>(test.clock.wall().time_since_epoch()).count();
  service_.say(R"({"active": true, "exp": )" + std::to_string(now + 5) + "}");
  EXPECT_EQ(finish(test).finding, Finding::accepted);
  test.clock.advance(milliseconds(4999));
  EXPECT_EQ(finish(test).finding, Finding::accepted);
  test.clock.advance(milliseconds(1));
  EXPECT_EQ(finish(test).problem, &kTokenExpired);
  EXPECT_EQ(service_.asked.size(), 1u);
}

TEST_F(IntrospectionTest, what_the_answer_must_say_is_held_against_it) {
  struct Case {
    std::string_view answer;
    const http::Problem* problem;
  };
  const Case kCases[] = {
      {R"({"active": false, "sub": "alice"})", &kTokenInactive},
      {R"({"active": true, "iss": "us", "aud": ["x", "orders"], "tenant": 7})", nullptr},
      {R"({"active": true, "iss": "them", "aud": "orders", "tenant": 7})", &kTokenIssuer},
      {R"({"active": true, "aud": "orders", "tenant": 7})", &kTokenIssuer},
      {R"({"active": true, "iss": "us", "aud": "billing", "tenant": 7})", &kTokenAudience},
      {R"({"active": true, "iss": "us", "tenant": 7})", &kTokenAudience},
      {R"({"active": true, "iss": "us", "aud": "orders"})", &kTokenClaims},
      {R"({"active": true, "iss": "us", "aud": "orders", "tenant": 7, "exp": 1})", &kTokenExpired},
      {R"({"active": true, "iss": "us", "aud": "orders", "tenant": 7, "exp": "soon"})", &kTokenClaims},
      {R"({"active": true, "iss": "us", "aud": "orders", "tenant": 7, "nbf": 4000000000})", &kTokenNotYetValid},
      // no introspection responses
      {R"({"active": "true", "iss": "us", "aud": "orders", "tenant": 7})", &kIntrospectionUnavailable},
      {R"({"active": 1})", &kIntrospectionUnavailable},
      {R"({"active": true, "active": false})", &kIntrospectionUnavailable},
      {R"({"sub": "alice"})", &kIntrospectionUnavailable},
      {R"([true])", &kIntrospectionUnavailable},
      {"", &kIntrospectionUnavailable},
      {"<html>", &kIntrospectionUnavailable},
  };
  IntrospectionOptions with = options();
  with.rules.issuer = "us";
  with.rules.audiences = {"orders"};
  with.rules.required = {"tenant"};
  use(std::move(with));
  int number = 0;
  for (const Case& one : kCases) {
    service_.say(std::string(one.answer));
    EXPECT_EQ(refusal("t" + std::to_string(++number)), one.problem) << one.answer;
  }
}

TEST_F(IntrospectionTest, without_a_subject_the_user_is_the_subject) {
  service_.say(R"({"active": true, "username": "bob", "client_id": "app"})");
  IntrospectionOptions with = options();
  with.mapping.consumer = "client_id";
  with.consumers.add("app", {"partners"});
  use(std::move(with));
  Asked test("t", &reach_);
  ASSERT_EQ(finish(test).finding, Finding::accepted);
  EXPECT_EQ(test.call.identity()->subject, "bob");
  EXPECT_EQ(test.call.identity()->consumer, "app");
  ASSERT_EQ(test.call.identity()->groups.size(), 1u);
  EXPECT_EQ(test.call.identity()->groups[0], "partners");
}

TEST_F(IntrospectionTest, all_who_wait_share_one_question) {
  std::vector<std::unique_ptr<Asked>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<Asked>("t", &reach_));
    ASSERT_EQ(authenticator().authenticate(all.back()->call).finding, Finding::waiting);
  }
  for (auto& one : all) {
    ASSERT_TRUE(reach_.until_woken(*one));
    EXPECT_EQ(authenticator().authenticate(one->call).finding, Finding::accepted);
  }
  EXPECT_EQ(service_.asked.size(), 1u);
}

TEST_F(IntrospectionTest, asks_no_more_than_so_many_questions_at_once) {
  service_.answer.clear();
  std::vector<std::unique_ptr<Asked>> all;
  for (size_t i = 0; i < kServiceQuestionsMax; ++i) {
    all.push_back(std::make_unique<Asked>("t" + std::to_string(i), &reach_));
    ASSERT_EQ(authenticator().authenticate(all.back()->call).finding, Finding::waiting);
  }
  Asked late("late", &reach_), same("t0", &reach_);
  EXPECT_EQ(authenticator().authenticate(late.call).problem, &kIntrospectionUnavailable);
  EXPECT_EQ(authenticator().authenticate(same.call).finding, Finding::waiting);   // asks nothing new
  for (auto& one : all) {   // the service says nothing: closed
    ASSERT_TRUE(reach_.until_woken(*one));
    EXPECT_EQ(authenticator().authenticate(one->call).problem, &kIntrospectionUnavailable);
  }
}

TEST_F(IntrospectionTest, while_the_issuer_is_away_nothing_passes_unless_it_was_good) {
  for (ProviderDown mode : {ProviderDown::closed, ProviderDown::stale}) {
    IntrospectionOptions with = options();
    with.on_provider_down = mode;
    use(std::move(with));
    Asked good("good", &reach_), bad("bad", &reach_), fresh("new", &reach_);
    auto now = std::chrono::duration_cast<seconds>(good.clock.wall().time_since_epoch()).count();
    service_.say(R"({"active": true, "exp": )" + std::to_string(now + 60) + "}");
    EXPECT_EQ(finish(good).finding, Finding::accepted);
    service_.say(R"({"active": false})");
    EXPECT_EQ(finish(bad).problem, &kTokenInactive);
    service_.say("", "500 No");
    good.clock.advance(seconds(20));
    bad.clock.advance(seconds(20));
    bool stale = mode == ProviderDown::stale;
    EXPECT_EQ(finish(good).problem, stale ? nullptr : &kIntrospectionUnavailable);
    EXPECT_EQ(finish(bad).problem, &kIntrospectionUnavailable);
    EXPECT_EQ(finish(fresh).problem, &kIntrospectionUnavailable);
    size_t asked = service_.asked.size();
    EXPECT_EQ(finish(good).problem, stale ? nullptr : &kIntrospectionUnavailable);
    EXPECT_EQ(service_.asked.size(), asked);   // not for a second
    good.clock.advance(seconds(41));
    EXPECT_EQ(finish(good).problem, &kIntrospectionUnavailable);   // it has expired
  }
}

TEST_F(IntrospectionTest, a_configuration_that_is_gone_hears_its_answers_in_peace) {
  Asked test("t", &reach_);
  ASSERT_EQ(authenticator().authenticate(test.call).finding, Finding::waiting);
  authenticator_.reset();
  EXPECT_TRUE(reach_.until_woken(test));
}

TEST_F(IntrospectionTest, finds_one_token_and_takes_it_out) {
  TestCall none("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic abc\r\n\r\n");
  EXPECT_EQ(authenticator().authenticate(none.call).finding, Finding::absent);
  TestCall two("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n");
  EXPECT_EQ(authenticator().authenticate(two.call).problem, &kCredentialsAmbiguous);
  TestCall empty("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n\r\n");
  EXPECT_EQ(authenticator().authenticate(empty.call).problem, &kTokenInactive);
  Asked large(std::string(16 * 1024 + 1, 'x'), &reach_);
  EXPECT_EQ(authenticator().authenticate(large.call).problem, &kTokenTooLarge);
  authenticator().remove_credential(large.head, large.arena);
  EXPECT_EQ(large.fields(), "");
  EXPECT_EQ(authenticator().challenge(large.arena, nullptr), "Bearer realm=\"opaque\"");
  EXPECT_TRUE(authenticator().challenge(large.arena, &kTokenInactive).starts_with("Bearer realm=\"opaque\", error=\"invalid_token\""));
  EXPECT_EQ(authenticator().challenge(large.arena, &kIntrospectionUnavailable), "Bearer realm=\"opaque\"");
  Asked nobody("t", nullptr);   // explain
  EXPECT_EQ(authenticator().authenticate(nobody.call).finding, Finding::waiting);
}

TEST(IntrospectionLogin, is_a_pair_or_a_bearer_token) {
  EXPECT_EQ(introspection_login("a", crypto::Secret("b")).bytes(), "Basic YTpi");
  EXPECT_EQ(introspection_login("", crypto::Secret("b")).bytes(), "Bearer b");
  EXPECT_TRUE(introspection_login("a", {}).empty());
}

}  // namespace
}  // namespace sluice::policy
