#include "policy/auth/api_key.h"

#include <cstring>
#include <sstream>

#include "policy/auth/authenticate.h"
#include "policy/auth/jwt_problems.h"
#include "policy/auth/key_store.h"
#include "policy/auth/moment.h"
#include "policy/auth/new_key.h"
#include "policy/auth/problems.h"
#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

using Finding = Authenticator::Finding;

const std::string kKey = "slk_example";

std::shared_ptr<ApiKeys> keys_of(std::string expires = "2100-01-01", std::string allow_ips = "[]") {
  std::istringstream in(R"({"sha256": ")" + config::TextForm<KeyHash>::print(hash_of(kKey)) +
                        R"(", "id": "k1", "consumer": "acme", "scopes": ["orders:read"], "claims": {"tenant": "gold"}, )"
                        R"("expires": ")" + expires + R"(", "allow_ips": )" + allow_ips + "}\n");
  auto table = read_key_table(in);
  EXPECT_TRUE(table) << table.error();
  return std::make_shared<ApiKeys>(*table);
}

std::shared_ptr<ApiKeyAuthenticator> partners(std::shared_ptr<ApiKeys> keys = keys_of()) {
  AuthConfig config;
  config.query = "key";
  return std::make_shared<ApiKeyAuthenticator>("partners", config, std::move(keys));
}

std::string request(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

TEST(ApiKey, a_known_key_gives_its_holder) {
  TestCall test(request("/", "X-Api-Key: " + kKey + "\r\n"));
  auto authenticator = partners();   // its name is the identity's
  ASSERT_EQ(authenticator->authenticate(test.call).finding, Finding::accepted);
  const Identity& identity = *test.call.identity();
  EXPECT_EQ(identity.consumer, "acme");
  EXPECT_EQ(identity.subject, "acme");
  EXPECT_EQ(identity.credential, "k1");
  EXPECT_EQ(identity.method, "api_key");
  EXPECT_EQ(identity.authenticator, "partners");
  EXPECT_EQ(identity.expires, *parse_moment("2100-01-01"));
  EXPECT_TRUE(identity.has_scope("orders:read"));
  ASSERT_NE(identity.claim("tenant"), nullptr);
  EXPECT_EQ(identity.claim("tenant")->value, "gold");
}

TEST(ApiKey, what_is_not_one_known_key_is_refused) {
  struct Case {
    std::string target, fields;
    Finding finding;
    const http::Problem* problem;
  };
  const Case kCases[] = {
      {"/", "", Finding::absent, nullptr},
      {"/?other=1", "", Finding::absent, nullptr},
      {"/?key=" + kKey, "", Finding::accepted, nullptr},
      {"/?a=1&key=" + kKey + "&b", "", Finding::accepted, nullptr},
      {"/?key=" + kKey, "X-Api-Key: " + kKey + "\r\n", Finding::refused, &kCredentialsAmbiguous},
      {"/?key=" + kKey + "&key=x", "", Finding::refused, &kCredentialsAmbiguous},
      {"/", "X-Api-Key: a\r\nx-api-key: b\r\n", Finding::refused, &kCredentialsAmbiguous},
      {"/", "X-Api-Key: slk_examplE\r\n", Finding::refused, &kApiKeyUnknown},
      {"/", "X-Api-Key:\r\n", Finding::refused, &kApiKeyUnknown},
      {"/", "X-Api-Key: " + std::string(5000, 'a') + "\r\n", Finding::refused, &kApiKeyUnknown},
  };
  auto authenticator = partners();
  for (const Case& one : kCases) {
    TestCall test(request(one.target, one.fields));
    Authenticator::Outcome outcome = authenticator->authenticate(test.call);
    EXPECT_EQ(outcome.finding, one.finding) << one.target << one.fields;
    EXPECT_EQ(outcome.problem, one.problem) << one.target << one.fields;
  }
}

TEST(ApiKey, expiry_and_addresses_of_the_holder_hold) {
  TestCall test(request("/", "X-Api-Key: " + kKey + "\r\n"));
  test.clock.set_wall(*parse_moment("2030-05-05"));
  EXPECT_EQ(partners(keys_of("2030-05-05"))->authenticate(test.call).problem, &kApiKeyExpired);
  EXPECT_EQ(partners(keys_of("2030-05-05T00:00:01Z"))->authenticate(test.call).finding, Finding::accepted);
  EXPECT_EQ(partners(keys_of("2100-01-01", R"(["10.0.0.0/8"])"))->authenticate(test.call).problem, &kCredentialAddress);
  EXPECT_EQ(partners(keys_of("2100-01-01", R"(["192.0.2.0/24"])"))->authenticate(test.call).finding, Finding::accepted);
}

TEST(ApiKey, a_replaced_table_counts_at_once) {
  auto keys = keys_of();
  auto authenticator = partners(keys);
  TestCall test(request("/", "X-Api-Key: " + kKey + "\r\n"));
  EXPECT_EQ(authenticator->authenticate(test.call).finding, Finding::accepted);
  auto none = std::make_shared<KeyTable>();
  none->finish();
  keys->replace(none);
  EXPECT_EQ(authenticator->authenticate(test.call).problem, &kApiKeyUnknown);
}

TEST(ApiKey, is_taken_out_of_the_request_in_every_spelling) {
  TestCall test(request("/?a=1&key=" + kKey + "&b", "X-Api-Key: a\r\nX_API_KEY: b\r\nX-Other: c\r\n"));
  partners()->remove_credential(test.head, test.arena);
  EXPECT_EQ(test.head.query, "a=1&b");
  EXPECT_EQ(test.fields(), "X-Other: c");
  TestCall only(request("/?key=" + kKey));
  partners()->remove_credential(only.head, only.arena);
  EXPECT_FALSE(only.head.has_query);
}

TEST(KeyTable, takes_hashes_that_are_no_digests) {   // with the same bytes at either end, which took hours
  KeyTable table;
  constexpr uint32_t kCount = 300'000;
  KeyHash hash{};
  for (uint32_t i = 0; i < kCount; ++i) {
    std::memcpy(hash.bytes.data() + 14, &i, sizeof(i));
    ASSERT_TRUE(table.add(hash, "acme", "k", {}, WallTime::max()));
  }
  table.finish();
  EXPECT_EQ(table.find(hash)->index, kCount - 1);
}

TEST(KeyTable, holds_many_keys_in_little_memory) {
  KeyTable table;
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(table.add(hash_of("key" + std::to_string(i)), "consumer-" + std::to_string(i), "k1",
                          Grants{{"orders:read"}, {}, {}, {}, {}}, WallTime::max()));
  }
  EXPECT_FALSE(table.add(hash_of("key7"), "another", "k1", {}, WallTime::max()));
  table.finish();
  for (int i = 0; i < kCount; i += 997) {
    auto found = table.find(hash_of("key" + std::to_string(i)));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->consumer, "consumer-" + std::to_string(i));
    EXPECT_EQ(found->expires, WallTime::max());
  }
  EXPECT_FALSE(table.find(hash_of("key" + std::to_string(kCount))));
  EXPECT_LT(table.memory(), kCount * 120U);
}

TEST(ApiKey, its_last_use_is_known_to_the_second_and_outlives_its_table) {
  auto keys = keys_of();
  auto authenticator = partners(keys);
  TestCall test(request("/", "X-Api-Key: " + kKey + "\r\n"));
  auto last_use = [&] { return keys->live().current()->last_use(0); };
  EXPECT_FALSE(last_use());
  test.clock.set_wall(WallTime(std::chrono::milliseconds(1'700'000'000'900)));
  authenticator->authenticate(test.call);
  EXPECT_EQ(last_use(), WallTime(std::chrono::seconds(1'700'000'000)));
  keys->replace(keys_of()->live().current());
  EXPECT_EQ(last_use(), WallTime(std::chrono::seconds(1'700'000'000)));
  test.clock.set_wall(WallTime(std::chrono::seconds(1'700'000'005)));
  authenticator->authenticate(test.call);
  EXPECT_EQ(last_use(), WallTime(std::chrono::seconds(1'700'000'005)));
}

TEST(ApiKey, what_is_refused_is_no_use) {
  auto keys = keys_of("2001-01-01");
  TestCall test(request("/", "X-Api-Key: " + kKey + "\r\n"));
  test.clock.set_wall(WallTime(std::chrono::seconds(1'700'000'000)));
  EXPECT_EQ(partners(keys)->authenticate(test.call).problem, &kApiKeyExpired);
  EXPECT_FALSE(keys->live().current()->last_use(0));
}

TEST(KeyFile, each_fault_names_its_line_and_no_value) {
  const std::string hash(64, 'a');
  const std::string good = R"({"sha256": ")" + hash + R"(", "id": "k", "consumer": "c"})";
  struct Case {
    std::string text, why;
  };
  const Case kCases[] = {
      {"{", "line 1: not a JSON object: "},
      {good + std::string(kKeyLineBytesMax - good.size(), ' ') + "\n{}", "line 2: \"id\" is missing"},
      {good + std::string(kKeyLineBytesMax + 1 - good.size(), ' ') + "\n{}", "line 1: longer than 65536 bytes"},
      {"\n" + std::string(1 << 20, '{'), "line 2: longer than 65536 bytes"},
      {"\n \n[]", "line 3: not a JSON object"},
      {R"({"sha256": "abc", "id": "k", "consumer": "c"})", "line 1: \"sha256\" is no SHA-256 in 64 hex digits"},
      {R"({"id": "k", "consumer": "c"})", "line 1: \"sha256\" is missing"},
      {R"({"sha256": ")" + hash + R"(", "consumer": "c"})", "line 1: \"id\" is missing"},
      {R"({"sha256": ")" + hash + R"(", "id": "k"})", "line 1: \"consumer\" is missing"},
      {R"({"sha256": ")" + hash + R"(", "id": "", "consumer": "c"})", "line 1: \"id\" is no text of 1 to 255 bytes"},
      {R"({"key": "slk_secret"})", "line 1: \"key\" is not known"},
      {good + "\n" + good, "line 2: another line has the same key"},
      {R"({"sha256": ")" + hash + R"(", "id": "k", "consumer": "c", "scopes": "a"})", "line 1: \"scopes\" is no list of strings"},
      {R"({"sha256": ")" + hash + R"(", "id": "k", "consumer": "c", "allow_ips": ["x"]})",
       "line 1: \"allow_ips\" holds what is no address or range"},
      {R"({"sha256": ")" + hash + R"(", "id": "k", "consumer": "c", "claims": {"a": 1}})",
       "line 1: \"claims\" is no object of strings"},
      {R"({"sha256": ")" + hash + R"(", "id": "k", "consumer": "c", "expires": "soon"})",
       "line 1: \"expires\" is no date such as 2027-01-31 or 2027-01-31T12:00:00Z"},
  };
  for (const Case& one : kCases) {
    std::istringstream in(one.text);
    auto table = read_key_table(in);
    ASSERT_FALSE(table) << one.text;
    EXPECT_TRUE(table.error().starts_with(one.why)) << table.error();
    EXPECT_EQ(table.error().find("slk_secret"), std::string::npos);
  }
  std::istringstream in("\n" + good + "\r\n");
  EXPECT_EQ((*read_key_table(in))->size(), 1U);
}

TEST(Moment, dates_have_one_meaning) {
  struct Case {
    const char* text;
    int64_t seconds;   // -1: none
  };
  constexpr Case kCases[] = {
      {"1970-01-02", 86'400}, {"1970-01-01T00:00:01Z", 1}, {"1970-01-01 01:00:01.75+01:00", 1},
      {"1969-12-31T23:00:00-01:00", 0}, {"2027-02-29", -1}, {"2027-01-31T12:00:00", -1}, {"2027-1-31", -1},
      {"2027-01-31T25:00:00Z", -1}, {"2027-01-31Z", -1}, {"", -1}, {"2027-01-31T12:00:00Zx", -1},
  };
  for (const Case& one : kCases) {
    auto at = parse_moment(one.text);
    EXPECT_EQ(at.has_value(), one.seconds >= 0) << one.text;
    if (!at) continue;
    EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(*at).time_since_epoch().count(), one.seconds) << one.text;
  }
}

TEST(NewKey, is_recognised_by_its_checksum_and_never_the_same) {
  std::string key = new_key();
  EXPECT_TRUE(is_key(key)) << key;
  EXPECT_NE(key, new_key());
  for (size_t i = 4; i < key.size(); ++i) {
    std::string wrong = key;
    wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(is_key(wrong)) << wrong;
  }
  EXPECT_FALSE(is_key(key.substr(1)));
  // zlib.crc32(b"slk_" + b"0" * 40) in base 62
  EXPECT_TRUE(is_key("slk_" + std::string(40, '0') + "0w8TZG")) << "checksum of a fixed text";
}

/// Finds what it is told to find.
struct Says : Authenticator {
  Says(std::string name, Outcome outcome) : name_(std::move(name)), outcome_(outcome) {}
  std::string_view name() const override { return name_; }
  std::string describe() const override { return "says"; }
  Outcome authenticate(Call& call) const override {
    if (outcome_.finding == Finding::accepted) {
      auto* identity = call.arena().make<Identity>();
      identity->subject = name_;
      call.findings().identity = identity;
    }
    return outcome_;
  }
  std::string_view challenge(Arena& arena, const http::Problem* problem) const override {
    return problem ? arena.join(name_, " error=", problem->code) : std::string_view(name_);
  }
  void remove_credential(http::Head& request, Arena&) const override { request.fields.remove("X-" + name_); }
  std::string name_;
  Outcome outcome_;
};

const Authenticator::Outcome kAbsent = Authenticator::Outcome::absent();
const Authenticator::Outcome kAccepted = Authenticator::Outcome::accepted();
const Authenticator::Outcome kRefused = Authenticator::Outcome::refused(kApiKeyUnknown);

struct Tried {
  std::string subject, challenges, fields;
  const http::Problem* problem;
  bool credential_refused;
};

Tried try_auth(Authenticate::Needs needs, Authenticator::Outcome a, Authenticator::Outcome b,
               Authenticate::Credentials credentials = Authenticate::Credentials::removed) {
  Authenticate policy({std::make_shared<Says>("A", a), std::make_shared<Says>("B", b)}, needs, credentials);
  TestCall test(request("/", "X-A: 1\r\nX-B: 2\r\nX-C: 3\r\n"));
  Verdict verdict = policy.on_request(test.call);
  http::Head response(test.arena);
  response.status = verdict.problem() ? verdict.problem()->status : 200;
  policy.on_response(test.call, response);
  const Identity* identity = test.call.identity();
  return {identity ? std::string(identity->subject) : "", TestCall::text_of(response.fields), test.fields(),
          verdict.problem(), test.call.findings().credential_refused};
}

TEST(Authenticate, any_one_is_enough) {
  constexpr auto kAny = Authenticate::Needs::any;
  EXPECT_EQ(try_auth(kAny, kAbsent, kAccepted).subject, "B");
  EXPECT_EQ(try_auth(kAny, kAccepted, kRefused).subject, "A");
  EXPECT_EQ(try_auth(kAny, kRefused, kAccepted).subject, "B");   // another issuer's token, perhaps
  Tried missing = try_auth(kAny, kAbsent, kAbsent);
  EXPECT_EQ(missing.problem, &kCredentialsMissing);
  EXPECT_EQ(missing.challenges, "WWW-Authenticate: A|WWW-Authenticate: B");
  EXPECT_FALSE(missing.credential_refused);
  Tried refused = try_auth(kAny, kAbsent, kRefused);
  EXPECT_EQ(refused.problem, &kApiKeyUnknown);
  EXPECT_EQ(refused.challenges, "WWW-Authenticate: A error=api_key_unknown|WWW-Authenticate: B error=api_key_unknown");
  EXPECT_TRUE(refused.credential_refused);
  EXPECT_EQ(refused.subject, "");
}

TEST(Authenticate, of_several_refusals_the_client_is_told_the_one_that_says_most) {
  using Outcome = Authenticator::Outcome;
  struct Case {
    const http::Problem *one, *other, *told;
    bool counts;   // as a refused credential
  };
  const Case kCases[] = {
      {&kTokenIssuer, &kTokenExpired, &kTokenExpired, true},
      {&kTokenMalformed, &kTokenInactive, &kTokenInactive, true},
      {&kTokenMalformed, &kTokenIssuer, &kTokenMalformed, true},
      {&kTokenExpired, &kApiKeyUnknown, &kTokenExpired, true},
      {&kTokenMalformed, &kIntrospectionUnavailable, &kIntrospectionUnavailable, false},
      {&kTokenIssuer, &kTokenKeysUnavailable, &kTokenKeysUnavailable, false},
      {&kApiKeyUnknown, &kTokenKeysUnavailable, &kTokenKeysUnavailable, true},   // guessed meanwhile
  };
  for (const Case& one : kCases) {
    Tried tried = try_auth(Authenticate::Needs::any, Outcome::refused(*one.one), Outcome::refused(*one.other));
    EXPECT_EQ(tried.problem, one.told) << one.one->code << " " << one.other->code;
    EXPECT_EQ(tried.credential_refused, one.counts) << one.one->code << " " << one.other->code;
    if (one.told == one.one) continue;   // the first of equals
    Tried turned = try_auth(Authenticate::Needs::any, Outcome::refused(*one.other), Outcome::refused(*one.one));
    EXPECT_EQ(turned.problem, one.told) << one.other->code << " " << one.one->code;
    EXPECT_EQ(turned.credential_refused, one.counts) << one.other->code << " " << one.one->code;
  }
}

TEST(Authenticate, all_must_accept_and_the_first_says_who_it_is) {
  constexpr auto kAll = Authenticate::Needs::all;
  EXPECT_EQ(try_auth(kAll, kAccepted, kAccepted).subject, "A");
  EXPECT_EQ(try_auth(kAll, kAccepted, kAbsent).problem, &kCredentialsMissing);
  EXPECT_EQ(try_auth(kAll, kAccepted, kAbsent).subject, "");
  EXPECT_EQ(try_auth(kAll, kAccepted, kRefused).problem, &kApiKeyUnknown);
}

TEST(Authenticate, credentials_go_no_further_unless_the_route_asks) {
  constexpr auto kAny = Authenticate::Needs::any;
  EXPECT_EQ(try_auth(kAny, kAccepted, kAbsent).fields, "X-C: 3");
  EXPECT_EQ(try_auth(kAny, kAccepted, kAbsent, Authenticate::Credentials::kept).fields, "X-A: 1|X-B: 2|X-C: 3");
  EXPECT_EQ(try_auth(kAny, kRefused, kAbsent, Authenticate::Credentials::kept).fields, "X-C: 3");
}

TEST(Authenticate, a_response_that_is_not_its_refusal_is_left_alone) {
  EXPECT_EQ(try_auth(Authenticate::Needs::any, kAccepted, kAbsent).challenges, "");
  EXPECT_EQ(try_auth(Authenticate::Needs::any, Authenticator::Outcome::refused(kCredentialAddress), kAbsent).challenges, "");
}

}  // namespace
}  // namespace sluice::policy
