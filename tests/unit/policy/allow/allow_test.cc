#include "policy/allow/allow.h"

#include "policy/allow/problems.h"
#include "policy/auth/moment.h"
#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kScopes[] = {"orders:read", "orders:write"};
constexpr std::string_view kRoles[] = {"support"};
constexpr std::string_view kGroups[] = {"partners"};
constexpr Claim kClaims[] = {{"tenant", "gold"}, {"teams", R"(["a","b, c",7])", Claim::Form::list}, {"owner", "a@b"},
                             {"title", R"(["a"])"}};

struct AllowTest : ::testing::Test {
  AllowTest() : test("GET /users/7/orders HTTP/1.1\r\nHost: x\r\n\r\n") {
    identity.subject = "7";
    identity.consumer = "acme";
    identity.scopes = kScopes;
    identity.roles = kRoles;
    identity.groups = kGroups;
    identity.claims = kClaims;
    test.call.findings().identity = &identity;
    test.call.params_ = {&param, 1};
  }
  bool passes(const AllowRule& rule) {
    AllowConfig config;
    config.rule = rule;
    Verdict verdict = Allow(config, 0).on_request(test.call);
    if (verdict.kind() == Verdict::Kind::refuse) {
      EXPECT_EQ(verdict.problem(), &kNotAllowed);
    }
    return verdict.kind() == Verdict::Kind::pass;
  }
  static AllowRule bound(const std::string& name, const std::string& fact) {
    AllowRule rule;
    auto& item = rule.path.emplace_back();
    item.name = name;
    item.value.value = *config::parse_fact(fact);
    return rule;
  }
  static AllowRule claim(const std::string& name, std::vector<std::string> values) {
    AllowRule rule;
    auto& item = rule.claims.emplace_back();
    item.name = name;
    item.value = std::move(values);
    return rule;
  }

  Param param{"user_id", "7"};
  Identity identity;
  TestCall test;
};

TEST_F(AllowTest, a_token_that_lacks_nothing_but_scopes_is_told_so) {
  struct Case {
    AllowRule rule;
    std::string_view method, told;
  };
  const std::string_view kTold = "WWW-Authenticate: Bearer realm=\"customers\", error=\"insufficient_scope\"";
  const Case kCases[] = {
      {{.scopes = {"orders:delete"}}, "jwt", kTold},
      {{.scopes = {"orders:delete"}, .roles = {"support"}}, "introspection", kTold},
      {{.scopes = {"orders:delete"}, .roles = {"admin"}}, "jwt", ""},
      {{.roles = {"admin"}}, "jwt", ""},
      {{.scopes = {"orders:delete"}}, "api_key", ""},
  };
  identity.authenticator = "customers";
  for (const Case& one : kCases) {
    identity.method = one.method;
    AllowConfig config;
    config.rule = one.rule;
    Allow allow(config, 0);
    test.call.scratch() = nullptr;
    EXPECT_EQ(allow.on_request(test.call).problem(), &kNotAllowed);
    http::Head response(test.arena);
    response.status = 403;
    allow.on_response(test.call, response);
    EXPECT_EQ(TestCall::text_of(response.fields), one.told);
  }
}

TEST_F(AllowTest, all_scopes_and_any_role_and_group) {
  EXPECT_TRUE(passes({.scopes = {"orders:read"}}));
  EXPECT_TRUE(passes({.scopes = {"orders:read", "orders:write"}}));
  EXPECT_FALSE(passes({.scopes = {"orders:read", "orders:delete"}}));
  EXPECT_TRUE(passes({.roles = {"admin", "support"}}));
  EXPECT_FALSE(passes({.roles = {"admin"}}));
  EXPECT_TRUE(passes({.groups = {"partners"}}));
  EXPECT_FALSE(passes({.groups = {"partner"}}));
  EXPECT_FALSE(passes({.scopes = {"orders:read"}, .roles = {"admin"}}));
}

TEST_F(AllowTest, claims_have_one_of_the_values) {
  EXPECT_TRUE(passes(claim("tenant", {"silver", "gold"})));
  EXPECT_FALSE(passes(claim("tenant", {"silver"})));
  EXPECT_FALSE(passes(claim("missing", {"gold"})));
  EXPECT_TRUE(passes(claim("teams", {"b, c"})));
  EXPECT_TRUE(passes(claim("teams", {"7"})));
  EXPECT_FALSE(passes(claim("teams", {"c"})));
  EXPECT_FALSE(passes(claim("teams", {"b"})));
}

// Somebody may call himself ["admin"].
TEST_F(AllowTest, a_text_that_looks_like_a_list_is_a_text) {
  EXPECT_FALSE(passes(claim("title", {"a"})));
  EXPECT_TRUE(passes(claim("title", {R"(["a"])"})));
  EXPECT_FALSE(passes(claim("teams", {R"(["a","b, c",7])"})));
}

TEST_F(AllowTest, elements_of_lists_are_whole) {
  auto has = [](std::string_view list, std::string_view wanted) { return claim_has({"", list, Claim::Form::list}, wanted); };
  EXPECT_FALSE(claim_has({"", R"({"a":"b","c":"d"})", Claim::Form::object}, "d"));
  EXPECT_TRUE(has(R"([["a"],{"k":"b"},"c"])", "c"));
  EXPECT_FALSE(has(R"([["a"],{"k":"b"}])", "a"));
  EXPECT_FALSE(has(R"([["a"],{"k":"b"}])", "b"));
  EXPECT_FALSE(has(R"(["a\",\"b"])", "b"));
  EXPECT_FALSE(has(R"([])", ""));
  EXPECT_FALSE(has(R"(["a)", "b"));
  EXPECT_FALSE(has(R"(["\)", "b"));
}

TEST_F(AllowTest, parameters_are_who_asks) {
  EXPECT_TRUE(passes(bound("user_id", "claim.sub")));
  EXPECT_TRUE(passes(bound("user_id", "identity")));
  EXPECT_FALSE(passes(bound("user_id", "consumer")));
  EXPECT_FALSE(passes(bound("user_id", "claim.missing")));
  EXPECT_FALSE(passes(bound("other", "claim.sub")));
  param.value = "8";
  EXPECT_FALSE(passes(bound("user_id", "claim.sub")));
  param.value = "a%40b";
  EXPECT_TRUE(passes(bound("user_id", "claim.owner")));
  param.value = "";
  identity.subject = "";
  EXPECT_FALSE(passes(bound("user_id", "identity")));
}

TEST_F(AllowTest, segments_are_decoded_once) {
  EXPECT_TRUE(segment_is("a%2Fb", "a/b"));
  EXPECT_FALSE(segment_is("a%252Fb", "a/b"));
  EXPECT_TRUE(segment_is("a+b", "a+b"));
  EXPECT_FALSE(segment_is("a", "ab"));
  EXPECT_FALSE(segment_is("ab", "a"));
  EXPECT_FALSE(segment_is("%4", "@"));
}

TEST_F(AllowTest, methods_and_addresses) {
  EXPECT_TRUE(passes({.methods = {{http::Method::get}}}));
  EXPECT_FALSE(passes({.methods = {{http::Method::put}}}));
  test.head.method = http::Method::head;
  EXPECT_TRUE(passes({.methods = {{http::Method::get}}}));
  EXPECT_TRUE(passes({.ips = {*Cidr::parse("192.0.2.0/24")}}));
  EXPECT_FALSE(passes({.ips = {*Cidr::parse("10.0.0.0/8")}}));
}

TEST_F(AllowTest, a_rule_holds_in_its_window_only) {
  using std::chrono::hours;
  test.clock.set_wall(*parse_moment("2026-11-23T07:59:00Z"));   // a Monday
  AllowRule rule{.time = AllowTime{{Weekday::mon}, {hours(8)}, {hours(18)}, {}}};
  EXPECT_FALSE(passes(rule));
  test.clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(passes(rule));
  rule.roles = {"admin"};
  EXPECT_FALSE(passes(rule));
  rule.roles = {"support"};
  EXPECT_TRUE(passes(rule));
  test.clock.advance(hours(10));
  EXPECT_FALSE(passes(rule));
}

TEST_F(AllowTest, nobody_is_nobody_and_nothing_is_no_rule) {
  EXPECT_FALSE(passes({}));
  test.call.findings().identity = nullptr;
  EXPECT_FALSE(passes({.methods = {{http::Method::get}}}));
}

TEST_F(AllowTest, one_rule_of_a_list_is_enough_and_is_named) {
  AllowConfig config;
  config.any = {{.name = {"staff", {}}, .roles = {"admin"}}, {.scopes = {"orders:read"}}};
  Allow allow(config, 0);
  EXPECT_EQ(allow.on_request(test.call).kind(), Verdict::Kind::pass);
  EXPECT_EQ(test.call.findings().rule, "allow.2");
  identity.scopes = {};
  EXPECT_EQ(allow.on_request(test.call).kind(), Verdict::Kind::refuse);
  EXPECT_EQ(test.call.findings().rule, "allow");
  EXPECT_EQ(allow.describe(), "staff (role admin); or allow.2 (scope orders:read)");
}

TEST_F(AllowTest, shadow_mode_lets_pass_and_counts) {
  AllowConfig config;
  config.rule = {.name = {"staff", {}}, .roles = {"admin"}};
  config.shadow = true;
  Allow allow(config, 0);
  EXPECT_EQ(allow.on_request(test.call).kind(), Verdict::Kind::pass);
  EXPECT_EQ(test.call.findings().rule, "staff (shadow)");
  EXPECT_EQ(test.shard.route(0).shadow_refusals.value(), 1u);
  EXPECT_EQ(allow.describe(), "staff (role admin); shadow only");
  identity.roles = {};
  config.rule = {.scopes = {"orders:read"}};
  Allow holds(config, 0);
  EXPECT_EQ(holds.on_request(test.call).kind(), Verdict::Kind::pass);
  EXPECT_EQ(test.call.findings().rule, "allow");
  EXPECT_EQ(test.shard.route(0).shadow_refusals.value(), 1u);
}

TEST(AllowTime, comes_back_every_week) {
  using Days = std::vector<Weekday>;
  auto at = [](const char* text) { return *parse_moment(text); };
  using std::chrono::hours;
  AllowTime office{Days{Weekday::mon, Weekday::fri}, {hours(8)}, {hours(18)}, {hours(1)}};   // UTC+1
  EXPECT_TRUE(office.holds(at("2026-11-23T07:00:00Z")));    // Monday, 08:00 there
  EXPECT_FALSE(office.holds(at("2026-11-23T06:59:59Z")));
  EXPECT_FALSE(office.holds(at("2026-11-23T17:00:00Z")));
  EXPECT_FALSE(office.holds(at("2026-11-24T10:00:00Z")));
  AllowTime night{Days{Weekday::sun}, {hours(22)}, {hours(6)}, {}};
  EXPECT_TRUE(night.holds(at("2026-11-22T22:00:00Z")));     // Sunday
  EXPECT_TRUE(night.holds(at("2026-11-23T05:59:00Z")));
  EXPECT_FALSE(night.holds(at("2026-11-23T22:00:00Z")));
  EXPECT_FALSE(night.holds(at("2026-11-22T05:00:00Z")));
  EXPECT_TRUE(AllowTime{}.holds(at("2026-11-22T00:00:00Z")));
}

TEST(AllowTime, is_read_as_it_is_written) {
  auto time = [](std::string_view text) { return config::TextForm<TimeOfDay>::parse(text); };
  auto zone = [](std::string_view text) { return config::TextForm<ZoneOffset>::parse(text); };
  for (auto [text, minutes] : {std::pair("00:00", 0), std::pair("08:30", 510), std::pair("24:00", 1440)}) {
    ASSERT_TRUE(time(text)) << text;
    EXPECT_EQ(time(text)->since_midnight.count(), minutes) << text;
    EXPECT_EQ(config::TextForm<TimeOfDay>::print(*time(text)), text);
  }
  for (auto [text, minutes] : {std::pair("UTC", 0), std::pair("+01:00", 60), std::pair("-05:30", -330)}) {
    ASSERT_TRUE(zone(text)) << text;
    EXPECT_EQ(zone(text)->ahead.count(), minutes) << text;
    EXPECT_EQ(config::TextForm<ZoneOffset>::print(*zone(text)), text);
  }
  for (std::string_view text : {"", "8:30", "24:01", "08:60", "0a:00", "08-30", "08:30 "}) EXPECT_FALSE(time(text)) << text;
  for (std::string_view text : {"", "01:00", "+14:01", "-15:00", "CET", "utc", "+1"}) EXPECT_FALSE(zone(text)) << text;
}

TEST(AllowTime, goes_over_midnight_in_a_zone_behind) {
  using std::chrono::hours;
  auto at = [](const char* text) { return *parse_moment(text); };
  AllowTime night{{Weekday::fri}, {hours(22)}, {hours(2)}, {-std::chrono::minutes(330)}};   // Friday into Saturday
  EXPECT_FALSE(night.holds(at("2026-11-28T03:29:00Z")));   // Friday, 21:59 there
  EXPECT_TRUE(night.holds(at("2026-11-28T03:30:00Z")));
  EXPECT_TRUE(night.holds(at("2026-11-28T07:29:00Z")));    // Saturday, 01:59 there
  EXPECT_FALSE(night.holds(at("2026-11-28T07:30:00Z")));
  EXPECT_FALSE(night.holds(at("2026-11-27T06:00:00Z")));   // Friday, 00:30 there: Thursday's night
}

}  // namespace
}  // namespace sluice::policy
