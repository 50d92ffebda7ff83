#include "policy/auth/jwt_claims.h"

#include <gtest/gtest.h>

#include "policy/auth/jwt_problems.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::seconds{1'700'000'000}};

JwtRules rules() {
  JwtRules rules;
  rules.issuer = "https://id.example";
  rules.audiences = {"orders", "billing"};
  rules.types = {"JWT", "at+jwt"};
  rules.clock_skew = 30s;
  return rules;
}

/// The members that every case needs, unless `extra` has them.
std::string claims_text(const std::string& extra) {
  std::string out = "{";
  for (auto [name, value] : {std::pair("\"iss\"", "\"https://id.example\""),
                             std::pair("\"aud\"", "\"orders\""), std::pair("\"exp\"", "1700000100")}) {
    if (extra.find(name) == extra.npos) out += std::string(name) + ":" + value + ",";
  }
  if (extra.empty()) out.pop_back();
  return out + extra + "}";
}

std::string_view verdict(const std::string& extra, const JwtRules& own = rules()) {
  JsonReader reader(1 << 16);
  Result<JsonValue> claims = reader.read(claims_text(extra));
  EXPECT_TRUE(claims) << claims_text(extra);
  const http::Problem* problem = check_claims(*claims, own, kNow);
  return problem ? problem->code : "good";
}

TEST(JwtClaims, are_for_one_issuer_and_an_audience_of_ours) {
  EXPECT_EQ(verdict(""), "good");
  EXPECT_EQ(verdict(R"("aud":"billing")"), "good");
  EXPECT_EQ(verdict(R"("aud":["x","orders"])"), "good");
  for (const char* audience : {"\"x\"", "[]", "[\"x\"]", "[\"orders\",1]", "{}", "null", "1",
                               "\"orders \"", "\"ORDERS\"", "[[\"orders\"]]"}) {
    EXPECT_EQ(verdict("\"aud\":" + std::string(audience)), "token_audience") << audience;
  }
  for (const char* issuer : {"\"https://id.example/\"", "[\"https://id.example\"]", "null", "1",
                             "\"https://ID.example\"", "\"\""}) {
    EXPECT_EQ(verdict("\"iss\":" + std::string(issuer)), "token_issuer") << issuer;
  }
}

TEST(JwtClaims, end_and_begin_within_the_clock_skew) {
  const struct { const char* claim; const char* code; } cases[] = {
      {R"("exp":1699999971)", "good"},             {R"("exp":1699999970)", "token_expired"},
      {R"("exp":1699999970.001)", "good"},         {R"("exp":1699999970.0)", "token_expired"},
      {R"("exp":0)", "token_expired"},             {R"("exp":-1)", "token_expired"},
      {R"("exp":9223372036854775807)", "good"},    {R"("exp":1e300)", "good"},
      {R"("exp":-1e300)", "token_expired"},        {R"("exp":18446744073709551615)", "good"},
      {R"("exp":"1700000100")", "token_claims"},   {R"("exp":null)", "token_claims"},
      {R"("exp":[1700000100])", "token_claims"},   {R"("exp":true)", "token_claims"},
      {R"("nbf":1700000030)", "good"},             {R"("nbf":1700000031)", "token_not_yet_valid"},
      {R"("nbf":1700000030.5)", "token_not_yet_valid"}, {R"("nbf":1e300)", "token_not_yet_valid"},
      {R"("nbf":"0")", "token_claims"},            {R"("iat":1700000030)", "good"},
      {R"("iat":1700000031)", "token_not_yet_valid"}, {R"("iat":{})", "token_claims"},
      {R"("iat":-5)", "good"}};
  for (const auto& one : cases) EXPECT_EQ(verdict(one.claim), one.code) << one.claim;
}

TEST(JwtClaims, must_have_an_end) {
  JsonReader reader(1 << 16);
  auto claims = reader.read(R"({"iss":"https://id.example","aud":"orders"})");
  EXPECT_EQ(check_claims(*claims, rules(), kNow), &kTokenClaims);
}

TEST(JwtClaims, that_are_required_are_there_with_their_value) {
  JwtRules own = rules();
  own.required = {"tenant", "realm.id"};
  EXPECT_EQ(verdict(R"("tenant":"a","realm":{"id":1})", own), "good");
  EXPECT_EQ(verdict(R"("tenant":"a","realm.id":1)", own), "good");
  EXPECT_EQ(verdict(R"("tenant":"a")", own), "token_claims");
  EXPECT_EQ(verdict(R"("tenant":null,"realm":{"id":1})", own), "token_claims");
  own.required.clear();
  own.equal = {{"azp", "web"}, {"level", "2"}, {"mfa", "true"}};
  EXPECT_EQ(verdict(R"("azp":"web","level":2,"mfa":true)", own), "good");
  EXPECT_EQ(verdict(R"("azp":["app","web"],"level":"2","mfa":true)", own), "good");
  EXPECT_EQ(verdict(R"("azp":[["web"]],"level":2,"mfa":true)", own), "token_claims");
  EXPECT_EQ(verdict(R"("azp":"web","level":20,"mfa":true)", own), "token_claims");
  EXPECT_EQ(verdict(R"("azp":"web","level":2)", own), "token_claims");
}

TEST(JwtClaims, name_the_subject_and_the_token_as_text) {
  EXPECT_EQ(verdict(R"("sub":"alice","jti":"1")"), "good");
  EXPECT_EQ(verdict(R"("sub":1)"), "token_claims");
  EXPECT_EQ(verdict(R"("sub":["alice"])"), "token_claims");
  EXPECT_EQ(verdict(R"("jti":{})"), "token_claims");
}

TEST(JwtType, is_one_of_those_that_are_accepted) {
  JwtRules own = rules();
  for (const char* type : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"})
    EXPECT_TRUE(accepts_type(own, type)) << type;
  EXPECT_TRUE(accepts_type(own, std::nullopt));
  for (const char* type : {"", "logout+jwt", "dpop+jwt", "JOSE", "at+jwt ", "application/"})
    EXPECT_FALSE(accepts_type(own, type)) << type;
  own.types = {"at+jwt"};
  EXPECT_FALSE(accepts_type(own, std::nullopt));
  EXPECT_FALSE(accepts_type(own, "JWT"));
}

std::string joined(std::span<const std::string_view> list) {
  std::string out;
  for (std::string_view one : list) out += std::string(one) + "|";
  return out;
}

TEST(IdentityReader, finds_scopes_roles_and_consumer_where_issuers_put_them) {
  JsonReader json(1 << 16);
  IdentityReader reader;
  Identity identity;
  auto read = [&](const char* text, JwtMapping mapping = {}) {
    auto claims = json.read(text);
    EXPECT_TRUE(claims);
    return reader.read(*claims, mapping, identity) == nullptr;
  };
  EXPECT_TRUE(read(R"({"sub":"alice","jti":"t1","exp":1700000100.25,"scope":"a  b:c d"})"));
  EXPECT_EQ(identity.subject, "alice");
  EXPECT_EQ(identity.credential, "t1");
  EXPECT_EQ(joined(identity.scopes), "a|b:c|d|");
  EXPECT_EQ(identity.expires, WallTime(1'700'000'100'250ms));
  EXPECT_TRUE(read(R"({"scp":["a","b c"]})"));
  EXPECT_EQ(joined(identity.scopes), "a|b c|");
  EXPECT_TRUE(read(R"({"scp":"x y"})"));
  EXPECT_EQ(joined(identity.scopes), "x|y|");
  JwtMapping mapping{.scopes = "permissions", .roles = "realm_access.roles", .consumer = "azp"};
  EXPECT_TRUE(read(R"({"scope":"no","permissions":["p"],"realm_access":{"roles":["admin","x"]},
                       "azp":"web"})", mapping));
  EXPECT_EQ(joined(identity.scopes), "p|");
  EXPECT_EQ(joined(identity.roles), "admin|x|");
  EXPECT_TRUE(identity.has_role("admin"));
  EXPECT_EQ(identity.consumer, "web");
  EXPECT_TRUE(read("{}", mapping));
  EXPECT_TRUE(identity.roles.empty() && identity.consumer.empty() && identity.subject.empty());
  EXPECT_FALSE(read(R"({"scope":1})"));
  EXPECT_FALSE(read(R"({"scope":["a",1]})"));
}

TEST(IdentityReader, gives_claims_as_text_and_nested_ones_as_json) {
  JsonReader json(1 << 16);
  IdentityReader reader;
  Identity identity;
  auto claims = json.read(R"({"s":"a\"b","i":-7,"f":1.5,"t":true,"z":null,"l":[1,"x\n",{}],
                              "o":{"k":[],"u":"\u00e9"}})");
  ASSERT_TRUE(claims);
  ASSERT_EQ(reader.read(*claims, {}, identity), nullptr);
  std::string all;
  for (const Claim& claim : identity.claims)
    all += std::string(claim.name) + "=" + std::string(claim.value) + ";";
  for (const Claim& claim : identity.claims) {
    auto form = claim.name == "l" ? Claim::Form::list : claim.name == "o" ? Claim::Form::object : Claim::Form::single;
    EXPECT_EQ(claim.form, form) << claim.name;
  }
  EXPECT_EQ(all, "s=a\"b;i=-7;f=1.5;t=true;z=null;l=[1,\"x\\u000a\",{}];o={\"k\":[],\"u\":\"\xc3\xa9\"};");
}

TEST(IdentityReader, is_bounded) {
  JsonReader json(1 << 20);
  IdentityReader reader;
  Identity identity;
  auto with = [&](size_t claims_count, size_t scopes) {
    std::string text = "{\"scope\":\"";
    for (size_t i = 0; i < scopes; ++i) text += "s ";
    text += "\"";
    for (size_t i = 1; i < claims_count; ++i) text += ",\"c" + std::to_string(i) + "\":1";
    auto claims = json.read(text + "}");
    EXPECT_TRUE(claims);
    return reader.read(*claims, {}, identity) == nullptr;
  };
  EXPECT_TRUE(with(kClaimsMax, kScopesMax));
  EXPECT_FALSE(with(kClaimsMax + 1, 1));
  EXPECT_FALSE(with(1, kScopesMax + 1));
}

}  // namespace
}  // namespace sluice::policy
