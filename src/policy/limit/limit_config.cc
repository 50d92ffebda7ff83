#include "policy/limit/limit_config.h"

#include <algorithm>

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kLimitsWhat{"limit_of_what"};
constexpr IssueKind kLimitTwoKinds{"limit_two_kinds"};
constexpr IssueKind kLimitBurst{"limit_burst"};
constexpr IssueKind kLimitRate{"limit_rate"};
constexpr IssueKind kLimitFailureKey{"limit_failure_key"};
constexpr IssueKind kLimitStore{"limit_store"};
constexpr IssueKind kLimitKeyEmpty{"limit_key_empty"};

constexpr Field kLimitFields[] = {
    field<&LimitConfig::key>(
        {.name = "key",
         .about = "Whose count it is: a fact, or a list of facts for each combination of their values. A request "
                  "without one of them is counted by its client's address instead.",
         .example = "\"identity\"",
         .need = config::Need::required}),
    field<&LimitConfig::rate>({.name = "rate",
                               .about = "How many in how long.",
                               .example = "\"100/1m\""}),
    field<&LimitConfig::burst>(
        {.name = "burst",
         .about = "gcra: how many may come at once; in any time T at most burst + rate x T get through.",
         .reason = "without it the rate's count: \"100/1m\" lets 100 come at once, and then one every 0.6 s",
         .example = "20",
         .range = {1, UINT32_MAX}}),
    field<&LimitConfig::algorithm>(
        {.name = "algorithm",
         .about = "\"gcra\": an even rate with a burst; \"sliding\": a window that moves on with time, by two counters; "
                  "\"quota\": a window of each key's own from its first request on, for days and months.",
         .reason = "gives back what was used little by little: nobody waits for a window to end"}),
    field<&LimitConfig::concurrency>({.name = "concurrency",
                                      .about = "In place of a rate: how many may be in flight at the same time.",
                                      .example = "10",
                                      .range = {1, UINT32_MAX}}),
    field<&LimitConfig::count>(
        {.name = "count",
         .about = "\"requests\", or \"failures\": counts refused credentials only, and is asked before they are looked at.",
         .reason = "what most limits are for"}),
    field<&LimitConfig::ipv6_prefix>(
        {.name = "ipv6_prefix",
         .about = "Bits of an IPv6 address that make up the fact ip; addresses that share them share a count.",
         .reason = "one subscriber has a whole /64",
         .range = {16, 128}}),
    field<&LimitConfig::store>(
        {.name = "store",
         .about = "Where the counts are: \"memory\", one table for the whole process; or a [redis.NAME], for all gateways "
                  "that share it.",
         .reason = "needs nothing else"}),
    field<&LimitConfig::exact>(
        {.name = "exact",
         .about = "With a [redis.NAME]: every request is asked for, which costs it a round trip. In any time T at most "
                  "burst + rate x T get through, instead of burst + rate x (T + 0.5 s).",
         .reason = "leases decide at once, and half a second of the rate rarely matters"}),
    field<&LimitConfig::on_store_down>(
        {.name = "on_store_down",
         .about = "While the [redis.NAME] does not answer: \"local\" holds each gateway to its part of the limit, \"open\" lets "
                  "all through, \"closed\" refuses with 503.",
         .reason = "neither an outage nor a flood because Redis is away"}),
    field<&LimitConfig::nodes>(
        {.name = "nodes",
         .about = "How many gateways share the [redis.NAME]: what on_store_down = \"local\" divides by.",
         .reason = "one gateway may use the whole limit",
         .range = {1, 1'000}}),
    field<&LimitConfig::shadow>({.name = "shadow",
                                 .about = "Only counts and logs what would have been refused.",
                                 .reason = "a limit limits"}),
    field<&LimitConfig::headers>(
        {.name = "headers",
         .about = "Tells clients where they stand: RateLimit, RateLimit-Policy and X-RateLimit-*.",
         .reason = "a client that knows the limit can keep to it"}),
};

constexpr Field kRouteLimitFields[] = {
    field<&RouteLimit::name>({.name = "name",
                              .about = "The [limit.NAME].",
                              .example = "\"per_user\"",
                              .need = config::Need::required}),
    field<&RouteLimit::cost>({.name = "cost",
                              .about = "How much of the limit one request of this route uses.",
                              .reason = "a request is a request",
                              .range = {1, 1'000'000}}),
    field<&RouteLimit::is_default>(
        {.name = "default",
         .about = "Only for requests whose consumer has no `limit` of its own.",
         .reason = "several limits hold together, the tightest answers"}),
};

config::Position place_of(const config::Value& table, std::string_view key) {
  const config::Entry* entry = table.find(key);
  return entry != nullptr ? entry->value.at : table.at;
}

// What keeps a rate from being one of this algorithm. gives: empty when nothing does
std::string rate_fault(const LimitConfig& limit) {
  const config::Rate& rate = limit.rate->value;
  using Wide = unsigned __int128;
  auto per = static_cast<uint64_t>(rate.per.count());
  auto second = static_cast<uint64_t>(Duration(std::chrono::seconds(1)).count());
  switch (limit.algorithm) {
    case LimitAlgorithm::gcra: {
      if (Wide(rate.count) * second > Wide(kRatePerSecondMax) * per) {
        return "at most " + std::to_string(kRatePerSecondMax) + " a second";
      }
      Wide whole = Wide(per / rate.count + 1) * limit.burst.value_or(std::min<uint64_t>(rate.count, UINT32_MAX));
      if (whole > Wide(static_cast<uint64_t>(kWindowMax.count()))) return "a whole burst is back only after 2 years";
      return rate.count > kCountMax ? "at most " + std::to_string(kCountMax) : "";
    }
    case LimitAlgorithm::sliding:
      if (per < second) return "a window of at least 1s";
      if (rate.per > kWindowMax) return "a window of at most 2 years";
      return rate.count > kSlidingCountMax ? "at most " + std::to_string(kSlidingCountMax) + " in a sliding window" : "";
    case LimitAlgorithm::quota:
      if (per < second) return "a window of at least 1s";
      if (rate.per > kWindowMax) return "a window of at most 2 years";
      return rate.count > kCountMax ? "at most " + std::to_string(kCountMax) : "";
  }
  return "";
}

void check_kind(const LimitConfig& limit, const config::Value& table, config::Reader& reader) {
  bool has_rate = table.find("rate") != nullptr, has_concurrency = table.find("concurrency") != nullptr;
  if (!has_rate && !has_concurrency) {
    reader.issues().add(kLimitsWhat, table.at, reader.table_name() + " limits nothing").hint =
        "give it a rate such as \"100/1m\", or concurrency";
    return;
  }
  if (has_concurrency) {
    for (std::string_view other : {"rate", "burst", "algorithm", "count"}) {
      if (table.find(other) == nullptr) continue;
      reader.issues()
          .add(kLimitTwoKinds, place_of(table, other),
               reader.table_name() + ": " + quoted(other) + " cannot go with concurrency")
          .note = "a count of what is in flight has no rate: make two limits, a route can name both";
    }
    return;
  }
  if (limit.burst && limit.algorithm != LimitAlgorithm::gcra) {
    reader.issues().add(kLimitBurst, place_of(table, "burst"),
                        reader.table_name() + ": only algorithm = \"gcra\" has a burst");
  }
  if (!limit.rate || limit.rate->at.line == 0 || limit.rate->value.count == 0) return;   // was no rate
  if (std::string fault = rate_fault(limit); !fault.empty()) {
    reader.issues().add(kLimitRate, limit.rate->at, reader.table_name() + ": " + fault);
  }
}

void check_store(const LimitConfig& limit, const config::Value& table, config::Reader& reader) {
  if (!limit.in_redis()) {
    if (limit.exact) {
      reader.issues().add(kLimitStore, place_of(table, "exact"), reader.table_name() + ": what is in memory is exact already");
    }
    for (const char* name : {"on_store_down", "nodes"}) {
      if (table.find(name) == nullptr) continue;
      reader.issues().add(kLimitStore, place_of(table, name),
                          reader.table_name() + ": " + name + " is about a [redis.NAME], and this is counted in memory").note =
          "store = \"NAME\" shares the limit";
    }
    return;
  }
  if (limit.concurrency) {
    reader.issues()
        .add(kLimitStore, limit.store.at, reader.table_name() + ": what is in flight is counted in memory only")
        .note = "a gateway that dies could never give back what it had counted elsewhere";
  } else if (limit.count == LimitCount::failures) {
    reader.issues()
        .add(kLimitStore, limit.store.at, reader.table_name() + ": failures are counted in memory only")
        .note = "what good credentials took in advance is given back at once, for which there is no time to ask Redis";
  }
}

}  // namespace

std::span<const Field> config_fields(const LimitConfig*) { return kLimitFields; }
std::span<const Field> config_fields(const RouteLimit*) { return kRouteLimitFields; }

void config_check(const LimitConfig& limit, const config::Value& table, config::Reader& reader) {
  check_kind(limit, table, reader);
  check_store(limit, table, reader);
  const config::Entry* key = table.find("key");
  if (key != nullptr && key->value.kind == config::Value::Kind::list && key->value.items.empty()) {
    reader.issues().add(kLimitKeyEmpty, key->value.at, reader.table_name() + ": a key is at least one fact").hint =
        "\"route\" counts all requests of a route together";
  }
  if (limit.count != LimitCount::failures) return;
  for (const auto& fact : limit.key) {
    if (!fact.value.needs_identity()) continue;
    reader.issues()
        .add(kLimitFailureKey, fact.at, reader.table_name() + ": failures have no " + config::print_fact(fact.value))
        .note = "it is asked before credentials are looked at: count by ip, route, header or path";
  }
}

LimitRule LimitConfig::rule() const {
  if (concurrency) return LimitRule::concurrency(*concurrency);
  const config::Rate& allowed = rate->value;
  switch (algorithm) {
    case LimitAlgorithm::gcra:
      return LimitRule::gcra(allowed.count, allowed.per, burst.value_or(static_cast<uint32_t>(allowed.count)));
    case LimitAlgorithm::sliding: return LimitRule::sliding(allowed.count, allowed.per);
    case LimitAlgorithm::quota: break;
  }
  return LimitRule::quota(allowed.count, allowed.per);
}

LimitRule LimitConfig::local_rule() const {
  LimitRule out = rule();
  out.most = std::max<uint64_t>(out.most / nodes, 1);
  if (out.kind == LimitKind::gcra) {
    out.emission *= nodes;
    out.window = out.emission * out.most;
  }
  return out;
}

}  // namespace sluice::policy
