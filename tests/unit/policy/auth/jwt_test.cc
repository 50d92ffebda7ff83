#include "policy/auth/jwt.h"

#include <gtest/gtest.h>

#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"
#include "unit/policy/auth/signer.h"
#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

using Finding = Authenticator::Finding;
using namespace std::chrono_literals;

struct FakeFetcher final : RemoteKeys::Fetcher {
  void on_keys_wanted() override { ++wanted; }
  int wanted = 0;
};

class JwtAuthenticatorTest : public ::testing::Test {
 protected:
  JwtAuthenticatorTest() {
    JwtSettings& settings = options.settings;
    settings.rules.issuer = "https://id.example";
    settings.rules.audiences = {"orders"};
    settings.rules.types = {"JWT"};
    settings.algorithms = JwtAlgorithmSet::asymmetric();
    settings.cache_bytes = 1 << 20;
    publish();
  }
  void publish() {
    auto read = read_jwk_set(signer.jwk_set(), options.settings.algorithms, KeySetSource::network);
    world->keys.replace(std::make_shared<const JwtKeySet>(std::move(read->keys)));
  }
  void forget_keys() { world->keys.replace(std::make_shared<const JwtKeySet>()); }
  JwtAuthenticator make() { return {"customers", options, world, remote}; }
  void be_remote() {
    RemoteKeysOptions from;
    from.name = "auth.customers";
    remote = std::make_shared<RemoteKeys>(from, world);
    remote->serve(&fetcher);
  }
  std::string token(const std::string& extra = "") const {
    return signer.token(R"({"iss":"https://id.example","aud":"orders","exp":1700000100,"sub":"alice")" +
                        extra + "}");
  }
  static std::string request(const std::string& fields) {
    return "GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
  }

  Signer signer{JwtAlgorithm::eddsa, "k"};
  JwtOptions options;
  std::shared_ptr<JwtWorld> world = std::make_shared<JwtWorld>(
      std::make_shared<const JwtKeySet>(), std::make_shared<const Revocations>());
  std::shared_ptr<RemoteKeys> remote;
  FakeFetcher fetcher;
};

TEST_F(JwtAuthenticatorTest, finds_the_token_where_rfc_6750_puts_it) {
  JwtAuthenticator jwt = make();
  std::string good = token();
  const struct { std::string fields; Finding finding; } cases[] = {
      {"Authorization: Bearer " + good + "\r\n", Finding::accepted},
      {"authorization: bearer  " + good + " \r\n", Finding::accepted},
      {"Authorization: BEARER\t" + good + "\r\n", Finding::accepted},
      {"Authorization: Basic YTpi\r\nAuthorization: Bearer " + good + "\r\n", Finding::accepted},
      {"", Finding::absent},
      {"Authorization: Basic YTpi\r\n", Finding::absent},
      {"Authorization: Bearerx " + good + "\r\n", Finding::absent},
      {"Authorization: " + good + "\r\n", Finding::absent},
      {"X-Token: " + good + "\r\n", Finding::absent},
      {"Authorization: Bearer\r\n", Finding::refused},
      {"Authorization: Bearer " + good + "x\r\n", Finding::refused},
      {"Authorization: Bearer " + good + " " + good + "\r\n", Finding::refused},
      {"Authorization: Bearer " + good + "," + good + "\r\n", Finding::refused},
      {"Authorization: Bearer " + good + "\r\nAuthorization: Bearer " + good + "\r\n",
       Finding::refused}};
  for (const auto& one : cases) {
    TestCall call(request(one.fields));
    EXPECT_EQ(jwt.authenticate(call.call).finding, one.finding) << one.fields;
    EXPECT_EQ(call.call.identity() != nullptr, one.finding == Finding::accepted);
  }
}

TEST_F(JwtAuthenticatorTest, takes_a_field_of_its_own_with_or_without_the_scheme) {
  options.header = "X-Id-Token";
  JwtAuthenticator jwt = make();
  for (const std::string& value : {token(), "Bearer " + token()}) {
    TestCall call(request("x-id-token: " + value + "\r\nX_Id_Token: other\r\nAuthorization: Bearer x\r\n"));
    EXPECT_EQ(jwt.authenticate(call.call).finding, Finding::accepted);
    jwt.remove_credential(call.head, call.arena);
    EXPECT_EQ(call.fields(), "Authorization: Bearer x");
  }
}

TEST_F(JwtAuthenticatorTest, removes_its_credential_and_no_other) {
  JwtAuthenticator jwt = make();
  TestCall call(request("Authorization: bearer a.b.c\r\nAuthorization: Basic YTpi\r\nX-A: 1\r\n"));
  jwt.remove_credential(call.head, call.arena);
  EXPECT_EQ(call.fields(), "Authorization: Basic YTpi|X-A: 1");
}

// What is left is as long as what came: a space has come behind each semicolon.
TEST_F(JwtAuthenticatorTest, removes_a_cookie_among_others_without_spaces) {
  options.cookie = "s";
  JwtAuthenticator jwt = make();
  TestCall call(request("Cookie: s=x;a=1;b=2;c=3;d=4;e=5\r\n"));
  jwt.remove_credential(call.head, call.arena);
  EXPECT_EQ(call.fields(), "Cookie: a=1; b=2; c=3; d=4; e=5");
}

TEST_F(JwtAuthenticatorTest, names_who_asks) {
  options.settings.mapping.consumer = "azp";
  options.consumers.add("web", {"browsers", "eu"});
  options.consumers.add("app", {});
  JwtAuthenticator jwt = make();
  TestCall call(request("Authorization: Bearer " + token(R"(,"azp":"web","scope":"a b")") + "\r\n"));
  ASSERT_EQ(jwt.authenticate(call.call).finding, Finding::accepted);
  const Identity& identity = *call.call.identity();
  EXPECT_EQ(identity.subject, "alice");
  EXPECT_EQ(identity.method, "jwt");
  EXPECT_EQ(identity.authenticator, "customers");
  EXPECT_EQ(identity.consumer, "web");
  EXPECT_EQ(identity.groups.size(), 2u);
  EXPECT_TRUE(identity.has_scope("b"));
  TestCall stranger(request("Authorization: Bearer " + token(R"(,"azp":"nobody")") + "\r\n"));
  ASSERT_EQ(jwt.authenticate(stranger.call).finding, Finding::accepted);
  EXPECT_EQ(stranger.call.identity()->consumer, "");
}

TEST_F(JwtAuthenticatorTest, holds_a_consumer_to_its_addresses) {
  options.settings.mapping.consumer = "azp";
  options.consumers.add("web", {}, {{*Cidr::parse("203.0.113.0/24")}, {}});
  options.consumers.add("app", {});
  JwtAuthenticator jwt = make();
  for (auto [consumer, ip, accepted] : {std::tuple("web", "203.0.113.9", true), {"web", "192.0.2.7", false},
                                        {"app", "192.0.2.7", true}, {"nobody", "192.0.2.7", true}}) {
    TestCall call(request("Authorization: Bearer " + token(R"(,"azp":")" + std::string(consumer) + '"') + "\r\n"));
    call.client.ip = *IpAddress::parse(ip);
    auto outcome = jwt.authenticate(call.call);
    EXPECT_EQ(outcome.finding, accepted ? Finding::accepted : Finding::refused) << consumer << " from " << ip;
    EXPECT_EQ(outcome.problem, accepted ? nullptr : &kCredentialAddress);
  }
}

TEST_F(JwtAuthenticatorTest, says_what_is_wrong_with_a_token_but_not_with_none) {
  JwtAuthenticator jwt = make();
  TestCall call(request(""));
  EXPECT_EQ(jwt.challenge(call.arena, nullptr), "Bearer realm=\"customers\"");
  EXPECT_EQ(jwt.challenge(call.arena, &kCredentialsMissing), "Bearer realm=\"customers\"");
  EXPECT_EQ(jwt.challenge(call.arena, &kTokenKeysUnavailable), "Bearer realm=\"customers\"");
  EXPECT_EQ(jwt.challenge(call.arena, &kTokenExpired),
            "Bearer realm=\"customers\", error=\"invalid_token\", "
            "error_description=\"The token has expired: get a new one.\"");
  for (const http::Problem* problem : kJwtProblems)
    EXPECT_EQ(problem->detail.find_first_of("\"\\"), std::string_view::npos) << problem->code;
}

TEST_F(JwtAuthenticatorTest, waits_for_a_key_that_is_not_known_once_in_ten_seconds) {
  be_remote();
  forget_keys();
  JwtAuthenticator jwt = make();
  TestCall first(request("Authorization: Bearer " + token() + "\r\n"));
  TestCall second(request("Authorization: Bearer " + token() + "\r\n"));
  Authenticator::Outcome outcome = jwt.authenticate(first.call);
  EXPECT_EQ(outcome.finding, Finding::waiting);
  EXPECT_EQ(outcome.problem, &kTokenKeysUnavailable);
  EXPECT_EQ(outcome.deadline, first.clock.now() + kKeyWaitMax);
  EXPECT_EQ(jwt.authenticate(second.call).finding, Finding::waiting);
  EXPECT_EQ(fetcher.wanted, 1);
  remote->begun();
  EXPECT_EQ(jwt.authenticate(second.call).finding, Finding::waiting);
  publish();
  remote->ended(true);
  remote->wake(0);
  EXPECT_EQ(first.verdicts, 1);
  EXPECT_EQ(first.last, Verdict::Kind::again);
  EXPECT_EQ(second.last, Verdict::Kind::again);
  EXPECT_EQ(jwt.authenticate(first.call).finding, Finding::accepted);
  forget_keys();
  TestCall third(request("Authorization: Bearer " + token() + "\r\n"));
  third.clock.advance(kRefetchEvery - 1ns);
  EXPECT_EQ(jwt.authenticate(third.call).problem, &kTokenKeysUnavailable);   // no key at all
  third.clock.advance(1ns);
  EXPECT_EQ(jwt.authenticate(third.call).finding, Finding::waiting);
  EXPECT_EQ(fetcher.wanted, 2);
}

TEST_F(JwtAuthenticatorTest, blames_the_issuer_while_it_is_away) {
  be_remote();
  JwtAuthenticator jwt = make();
  Signer other(JwtAlgorithm::eddsa, "new");
  std::string unknown =
      other.token(R"({"iss":"https://id.example","aud":"orders","exp":1700000100})");
  TestCall call(request("Authorization: Bearer " + unknown + "\r\n"));
  remote->begun();
  remote->ended(true);   // a fetch that no token asked for: the next one may
  EXPECT_EQ(jwt.authenticate(call.call).finding, Finding::waiting);
  remote->begun();
  remote->ended(true);
  EXPECT_EQ(jwt.authenticate(call.call).problem, &kTokenKeyUnknown);
  remote->ended(false);
  EXPECT_EQ(jwt.authenticate(call.call).problem, &kTokenKeysUnavailable);
  TestCall known(request("Authorization: Bearer " + token() + "\r\n"));
  EXPECT_EQ(jwt.authenticate(known.call).finding, Finding::accepted);   // old keys serve on
}

TEST(KeysPlace, is_believed_of_the_issuer_alone_and_over_https) {
  RemoteKeysOptions options;
  options.issuer = "https://id.example/realm";
  auto place = [&](uint16_t status, std::string body) {
    upstream::FetchResponse response;
    response.status = status;
    response.body = std::move(body);
    auto url = keys_place_in(response, options);
    return url ? url->text() : url.error();
  };
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm","jwks_uri":"https://id.example/k"})"),
            "https://id.example/k");
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm","jwks_uri":"http://127.0.0.1:1/k"})"),
            "http://127.0.0.1:1/k");
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm","jwks_uri":"http://id.example/k"})"),
            "jwks_uri is no https URL");
  options.plain_http = true;
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm","jwks_uri":"http://id.example/k"})"),
            "http://id.example/k");
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm/","jwks_uri":"https://id.example/k"})"),
            "a discovery document of another issuer");
  EXPECT_EQ(place(200, R"({"jwks_uri":"https://id.example/k"})"),
            "a discovery document of another issuer");
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm"})"),
            "a discovery document without jwks_uri");
  EXPECT_EQ(place(200, R"({"issuer":"https://id.example/realm","jwks_uri":"file:///etc/passwd"})"),
            "jwks_uri is no URL that begins with https:// or http://");
  EXPECT_EQ(place(200, "<html>"), "no discovery document");
  EXPECT_EQ(place(302, ""), "status 302: redirects are not followed");
  EXPECT_EQ(place(500, ""), "status 500");
}

}  // namespace
}  // namespace sluice::policy
