#include "policy/limit/limits.h"

#include <gtest/gtest.h>

#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\nX-Tenant: gold\r\n\r\n";

// A limit as its table in the file would make it.
struct TestLimit {
  LimitConfig config;

  explicit TestLimit(std::initializer_list<std::string_view> facts, config::Rate rate = {10, 1s}) {
    for (std::string_view fact : facts) config.key.push_back({*config::parse_fact(fact), {}});
    config.rate = config::Placed<config::Rate>{rate, {}};
  }
  TestLimit& burst(uint32_t most) { config.burst = most; return *this; }
  TestLimit& shadow() { config.shadow = true; return *this; }
  TestLimit& failures() { config.count = LimitCount::failures; return *this; }
  TestLimit& at_once(uint32_t most) { config.concurrency = most; return *this; }
};

struct World {
  std::shared_ptr<SharedLimitTable> table = std::make_shared<SharedLimitTable>(1 << 20, Hash128{1, 2});
  uint32_t limits = 1;

  LimitUse use(std::string name, const TestLimit& limit, uint64_t cost = 1) {
    return {std::make_shared<Limiter>(std::move(name), limit.config, table, limits++), cost};
  }
  static Limits place(std::vector<LimitUse> uses) {
    std::string policies;
    for (const auto& use : uses) policies += (policies.empty() ? "" : ", ") + use.limiter->policy_item();
    return Limits(std::move(uses), {policies, policies}, LimitTells::yes);
  }
};

// A request from its head to its response.
struct Asked {
  explicit Asked(const Limits& limits, std::string_view text = kGet, std::string_view ip = "192.0.2.7",
                 Duration after = {}, const Identity* who = nullptr) : request(text), limits_(limits) {
    request.call.findings().identity = who;
    request.client.ip = *IpAddress::parse(ip);
    request.clock.advance(after);
    Verdict verdict = limits.on_request(request.call);
    problem = verdict.problem();
  }
  std::string response_fields() {
    http::Head response(request.arena);
    response.fields.add("X-RateLimit-Limit", "from the upstream");
    response.fields.add("Server", "x");
    limits_.on_response(request.call, response);
    return TestCall::text_of(response.fields);
  }
  bool allowed() const { return problem == nullptr; }

  TestCall request;
  const http::Problem* problem = nullptr;

 private:
  const Limits& limits_;
};

TEST(Limits, lets_a_burst_through_and_says_when_to_come_back) {
  World world;
  Limits limits = World::place({world.use("per_client", TestLimit({"ip"}, {60, 1min}).burst(2))});
  EXPECT_EQ(Asked(limits).response_fields(),
            "Server: x|RateLimit-Policy: \"per_client\";q=2;w=2|RateLimit: \"per_client\";r=1;t=1|"
            "X-RateLimit-Limit: 2|X-RateLimit-Remaining: 1|X-RateLimit-Reset: 1");
  EXPECT_TRUE(Asked(limits).allowed());
  Asked refused(limits);
  EXPECT_EQ(refused.problem, &kRateLimited);
  EXPECT_EQ(refused.request.call.findings().rule, "per_client");
  EXPECT_EQ(refused.response_fields(),
            "Server: x|Retry-After: 1|RateLimit-Policy: \"per_client\";q=2;w=2|RateLimit: \"per_client\";r=0;t=1|"
            "X-RateLimit-Limit: 2|X-RateLimit-Remaining: 0|X-RateLimit-Reset: 2");
  EXPECT_FALSE(Asked(limits, kGet, "192.0.2.7", 999ms).allowed());
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", 1s).allowed());
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.8").allowed());
}

TEST(Limits, an_ipv6_subscriber_is_its_64) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"ip"}).burst(1))});
  EXPECT_TRUE(Asked(limits, kGet, "2001:db8:1:2::1").allowed());
  EXPECT_FALSE(Asked(limits, kGet, "2001:db8:1:2:ffff::9").allowed());
  EXPECT_TRUE(Asked(limits, kGet, "2001:db8:1:3::1").allowed());
  TestLimit wide({"ip"});
  wide.burst(1).config.ipv6_prefix = 36;
  Limits wider = World::place({world.use("w", wide)});
  EXPECT_TRUE(Asked(wider, kGet, "2001:db8:1000::1").allowed());
  EXPECT_FALSE(Asked(wider, kGet, "2001:db8:1fff::1").allowed());
  EXPECT_TRUE(Asked(wider, kGet, "2001:db8:2000::1").allowed());
}

TEST(Limits, keys_of_several_facts_do_not_run_into_each_other) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"header.A", "header.B"}).burst(1))});
  auto get = [](std::string_view a, std::string_view b) {
    return "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(a) + "\r\nB: " + std::string(b) + "\r\n\r\n";
  };
  EXPECT_TRUE(Asked(limits, get("ab", "c")).allowed());
  EXPECT_TRUE(Asked(limits, get("a", "bc")).allowed());
  EXPECT_TRUE(Asked(limits, get("abc", "")).allowed());
  EXPECT_TRUE(Asked(limits, get("", "abc")).allowed());
  EXPECT_FALSE(Asked(limits, get("ab", "c")).allowed());
}

TEST(Limits, of_other_names_rates_or_keys_share_nothing) {
  World world;
  for (const TestLimit& limit : {TestLimit({"ip"}).burst(1), TestLimit({"ip"}, {20, 1s}).burst(1),
                                 TestLimit({"ip", "host"}).burst(1), TestLimit({"route"}).burst(1)}) {
    EXPECT_TRUE(Asked(World::place({world.use("one", limit)})).allowed());
    EXPECT_FALSE(Asked(World::place({world.use("one", limit)})).allowed());
    EXPECT_TRUE(Asked(World::place({world.use("two", limit)})).allowed());
  }
}

TEST(Limits, who_leaves_a_fact_out_is_counted_by_address) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"header.X-Tenant"}).burst(1))});
  constexpr std::string_view kNone = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_TRUE(Asked(limits, kNone, "192.0.2.1").allowed());
  EXPECT_FALSE(Asked(limits, kNone, "192.0.2.1").allowed());
  EXPECT_TRUE(Asked(limits, kNone, "192.0.2.2").allowed());
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.1").allowed());
}

TEST(Limits, the_same_subject_of_two_authenticators_is_two) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"identity"}).burst(1))});
  auto ask = [&](std::string_view subject, std::string_view authenticator) {
    TestCall request(kGet);
    Identity identity;
    identity.subject = subject;
    identity.authenticator = authenticator;
    request.call.findings().identity = &identity;
    return limits.on_request(request.call).kind() == Verdict::Kind::pass;
  };
  EXPECT_TRUE(ask("ada", "customers"));
  EXPECT_FALSE(ask("ada", "customers"));
  EXPECT_TRUE(ask("ada", "partners"));
  EXPECT_TRUE(ask("bob", "customers"));
}

TEST(Limits, the_tightest_answers_and_a_refused_request_uses_nothing_of_the_others) {
  World world;
  LimitUse day = world.use("day", TestLimit({"ip"}, {100, 24h})), second = world.use("second", TestLimit({"ip"}, {3, 1s}));
  Limits limits = World::place({day, second});
  EXPECT_NE(Asked(limits).response_fields().find("RateLimit: \"second\";r=2;t=1"), std::string::npos);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Asked(limits).allowed());
  for (int i = 0; i < 500; ++i) EXPECT_FALSE(Asked(limits).allowed());
  Asked later(limits, kGet, "192.0.2.7", 2s);
  EXPECT_TRUE(later.allowed());
  Limits only_day = World::place({day});
  EXPECT_NE(Asked(only_day, kGet, "192.0.2.7", 2s).response_fields().find("r=95"), std::string::npos);
}

TEST(Limits, a_request_uses_what_it_costs) {
  World world;
  LimitUse use = world.use("l", TestLimit({"ip"}).burst(10), 4);
  Limits limits = World::place({use});
  EXPECT_TRUE(Asked(limits).allowed());
  EXPECT_TRUE(Asked(limits).allowed());
  Asked refused(limits);
  EXPECT_FALSE(refused.allowed());
  EXPECT_NE(refused.response_fields().find("r=2;"), std::string::npos);
}

TEST(Limits, in_shadow_mode_only_count) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"ip"}).burst(1).shadow())});
  EXPECT_TRUE(Asked(limits).allowed());
  Asked second(limits);
  EXPECT_TRUE(second.allowed());
  const auto& results = second.request.shard.limits().find(1)->results;
  EXPECT_EQ(results[static_cast<size_t>(observe::LimitResult::shadowed)].value(), 1u);
  EXPECT_EQ(second.response_fields(), "X-RateLimit-Limit: from the upstream|Server: x");
}

TEST(Limits, of_what_is_in_flight_end_with_the_exchange) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"ip"}).at_once(2))});
  auto first = std::make_unique<Asked>(limits);
  Asked second(limits);
  EXPECT_EQ(second.response_fields(),
            "Server: x|RateLimit-Policy: \"l\";q=2;qu=\"concurrent-requests\"|RateLimit: \"l\";r=0|"
            "X-RateLimit-Limit: 2|X-RateLimit-Remaining: 0");
  Asked third(limits);
  EXPECT_EQ(third.problem, &kTooManyInFlight);
  limits.on_end(third.request.call);
  EXPECT_FALSE(Asked(limits).allowed());
  first->response_fields();
  EXPECT_FALSE(Asked(limits).allowed());
  limits.on_end(first->request.call);
  EXPECT_TRUE(Asked(limits).allowed());
}

TEST(Limits, of_what_is_in_flight_go_on_with_the_socket_that_a_request_becomes) {
  World world;
  Limits limits = World::place({world.use("l", TestLimit({"ip"}).at_once(1))});
  Asked first(limits);
  EXPECT_TRUE(first.allowed());
  std::unique_ptr<Tenure> tenure = limits.on_tunnel(first.request.call);
  limits.on_end(first.request.call);
  EXPECT_FALSE(Asked(limits).allowed());
  tenure.reset();
  Asked last(limits);
  EXPECT_TRUE(last.allowed());
  Limits rates = World::place({world.use("r", TestLimit({"ip"}).burst(9))});
  Asked rated(rates);
  EXPECT_EQ(rates.on_tunnel(rated.request.call), nullptr);
}

TEST(Limits, what_is_refused_by_a_later_limit_is_not_in_flight) {
  World world;
  Limits limits = World::place({world.use("a", TestLimit({"ip"}).at_once(1)), world.use("b", TestLimit({"host"}).burst(1))});
  Asked first(limits);
  EXPECT_TRUE(first.allowed());
  limits.on_end(first.request.call);
  EXPECT_EQ(Asked(limits).problem, &kRateLimited);
  EXPECT_EQ(Asked(limits).problem, &kRateLimited);
}

// What an authenticator found, between the two places of a limit of failures.
enum class Found { good, refused, nothing };
bool guess(const Limits& limits, Found found, std::string_view ip = "192.0.2.7") {
  Asked asked(limits, kGet, ip);
  if (!asked.allowed()) return false;
  if (found == Found::good) LimitSettlement().on_request(asked.request.call);
  asked.request.call.findings().credential_refused = found == Found::refused;
  asked.response_fields();
  limits.on_end(asked.request.call);
  return true;
}

TEST(Limits, of_failures_count_refused_credentials_alone) {
  World world;
  Limits limits = World::place({world.use("guessing", TestLimit({"ip"}, {3, 1min}).failures())});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(guess(limits, Found::good));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(guess(limits, Found::nothing));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(guess(limits, Found::refused));
  EXPECT_FALSE(guess(limits, Found::refused));
  EXPECT_FALSE(guess(limits, Found::good));   // not even asked
  EXPECT_TRUE(guess(limits, Found::good, "192.0.2.8"));
}

TEST(Limits, of_failures_hold_for_guesses_that_are_made_at_the_same_time) {
  World world;
  Limits limits = World::place({world.use("guessing", TestLimit({"ip"}, {3, 1min}).failures())});
  std::vector<std::unique_ptr<Asked>> waiting;
  size_t looked_at = 0;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(std::make_unique<Asked>(limits));
    looked_at += waiting.back()->allowed() ? 1 : 0;
  }
  EXPECT_EQ(looked_at, 3u);
  for (auto& one : waiting) limits.on_end(one->request.call);   // the clients went away: nothing was refused
  EXPECT_TRUE(guess(limits, Found::refused));
}

// Limits of a route with a standard for who has none of his own, and of consumers.
struct ConsumerWorld : World {
  ConsumerWorld() {
    auto consumers = std::make_shared<ConsumerLimits>();
    consumers->add("acme", {use("gold", TestLimit({"consumer"}, {60, 1min}).burst(3))});
    consumers->add("tiny", {use("small", TestLimit({"consumer"}).burst(1)), use("busy", TestLimit({"consumer"}).at_once(1))});
    own = std::move(consumers);
  }
  Limits route(uint32_t burst) {
    std::vector<LimitUse> uses{use("all", TestLimit({"route", "consumer"}, {60, 1min}).burst(burst)),
                               use("standard", TestLimit({"consumer"}, {60, 1min}).burst(2))};
    uses[1].is_default = true;
    LimitPolicies policies;
    for (const LimitUse& one : uses) add_policy_item(policies.all, *one.limiter);
    add_policy_item(policies.without_defaults, *uses[0].limiter);
    return Limits(std::move(uses), policies, LimitTells::yes, own);
  }
  static Identity of(std::string_view consumer) {
    Identity identity;
    identity.consumer = identity.subject = consumer;
    return identity;
  }
  std::shared_ptr<const ConsumerLimits> own;
};

TEST(Limits, of_a_consumer_hold_in_place_of_the_default) {
  ConsumerWorld world;
  Limits limits = world.route(9);
  Identity acme = ConsumerWorld::of("acme"), other = ConsumerWorld::of("other");
  Asked first(limits, kGet, "192.0.2.7", {}, &acme);
  EXPECT_EQ(first.response_fields(),
            "Server: x|RateLimit-Policy: \"all\";q=9;w=9, \"gold\";q=3;w=3|RateLimit: \"gold\";r=2;t=1|"
            "X-RateLimit-Limit: 3|X-RateLimit-Remaining: 2|X-RateLimit-Reset: 1");
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", {}, &acme).allowed());
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", {}, &acme).allowed());
  Asked refused(limits, kGet, "192.0.2.7", {}, &acme);
  EXPECT_EQ(refused.problem, &kRateLimited);
  EXPECT_EQ(refused.request.call.findings().rule, "gold");
  Asked standard(limits, kGet, "192.0.2.7", {}, &other);
  EXPECT_NE(standard.response_fields().find("\"standard\";r=1"), std::string::npos);
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", {}, &other).allowed());
  EXPECT_EQ(Asked(limits, kGet, "192.0.2.7", {}, &other).request.call.findings().rule, "standard");
  EXPECT_TRUE(Asked(limits).allowed());   // nobody known: by address
}

TEST(Limits, of_a_route_and_of_a_consumer_hold_together) {
  ConsumerWorld world;
  Limits limits = world.route(2), elsewhere = world.route(9);
  Identity acme = ConsumerWorld::of("acme");
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", {}, &acme).allowed());
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", {}, &acme).allowed());
  Asked refused(limits, kGet, "192.0.2.7", {}, &acme);   // uses nothing of what is the consumer's
  EXPECT_EQ(refused.request.call.findings().rule, "all");
  EXPECT_TRUE(Asked(elsewhere, kGet, "192.0.2.7", {}, &acme).allowed());
  EXPECT_FALSE(Asked(elsewhere, kGet, "192.0.2.7", {}, &acme).allowed());   // one count on all routes
}

TEST(Limits, of_a_consumer_are_given_back_like_a_routes) {
  ConsumerWorld world;
  Limits limits({}, {}, LimitTells::yes, world.own);
  Identity tiny = ConsumerWorld::of("tiny");
  Asked first(limits, kGet, "192.0.2.7", {}, &tiny);
  EXPECT_TRUE(first.allowed());
  Asked second(limits, kGet, "192.0.2.7", 1s, &tiny);
  EXPECT_EQ(second.problem, &kTooManyInFlight);
  limits.on_end(first.request.call);
  EXPECT_TRUE(Asked(limits, kGet, "192.0.2.7", 1s, &tiny).allowed());   // the refused one gave its part of "small" back
}

TEST(Limits, are_described_with_their_place) {
  World world;
  Limits limits = World::place({world.use("a", TestLimit({"ip", "route"}, {100, 1min}).burst(20), 5),
                                world.use("b", TestLimit({"claim.tenant"}).at_once(3).shadow())});
  EXPECT_EQ(limits.describe(), "a: 100/1m, burst 20 by ip + route, before authentication, cost 5; "
                               "b: 3 at the same time by claim.tenant, after authentication, shadow only");
}

}  // namespace
}  // namespace sluice::policy
