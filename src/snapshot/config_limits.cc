// Limits where they are named: by routes and by consumers.
#include <algorithm>
#include <map>

#include "config/suggest.h"
#include "snapshot/config_check.h"
#include "snapshot/config_names.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kLimitTwice{"limit_twice"};
constexpr IssueKind kLimitNoFailures{"limit_no_failures"};
constexpr IssueKind kLimitCost{"limit_cost"};
constexpr IssueKind kLimitDefault{"limit_default"};
constexpr IssueKind kLimitParam{"limit_path_parameter"};
constexpr IssueKind kConsumerLimit{"limit_of_consumer"};
constexpr IssueKind kLimitsMax{"limits_per_route"};

using ByLimit = std::map<std::string_view, const config::Section<policy::ConsumerConfig>*>;

bool counts_by_identity(const policy::LimitConfig& limit) {
  return std::any_of(limit.key.begin(), limit.key.end(), [](const auto& fact) { return fact.value.needs_identity(); });
}

// The limits of one consumer, wherever it comes in.
void check_consumer(const config::Section<policy::ConsumerConfig>& consumer, const Config& config, Document& document) {
  const auto& uses = consumer.value.limits;
  if (uses.size() > policy::kRouteLimitsMax) {
    document.issues.add(kLimitsMax, uses.back().at,
                        "a consumer has at most " + std::to_string(policy::kRouteLimitsMax) + " limits");
  }
  for (auto use = uses.begin(); use != uses.end(); ++use) {
    const auto* limit = resolve("limit", use->name, use->at, config.limit, document);
    if (limit == nullptr || !limit->sound) continue;
    std::string named = "[limit." + limit->name + "]";
    auto same = [&](const auto& other) { return other.name == use->name; };
    if (std::any_of(uses.begin(), use, same)) document.issues.add(kLimitTwice, use->at, "the consumer names " + named + " twice");
    if (limit->value.count == policy::LimitCount::failures) {
      document.issues.add(kConsumerLimit, use->at, named + " counts refused credentials, which are nobody's");
    }
    for (const auto& fact : limit->value.key) {
      if (fact.value.kind != config::Fact::Kind::path) continue;
      document.issues.add(kConsumerLimit, use->at, named + " counts by a parameter of the path, which not every route has")
          .note = "at " + document.sources.place(fact.at);
    }
  }
}

// A limit that counts by a parameter of the path needs a route with that parameter.
void check_parameters(const RouteSection& section, const policy::RouteLimit& use,
                      const config::Section<policy::LimitConfig>& limit, Document& document) {
  if (!section.route.match.path.at.line) return;
  const route::Pattern& path = section.route.match.path.value;
  for (const auto& fact : limit.value.key) {
    if (fact.value.kind != config::Fact::Kind::path || path.param_index(fact.value.name)) continue;
    document.issues.add(kLimitParam, use.name.at, quoted(path.text()) + " has no parameter " + quoted(fact.value.name))
        .note = "[limit." + limit.name + "] counts by it, at " + document.sources.place(fact.at);
  }
}

// The limits of one route: that they are there, once each, and can be kept by it.
void check_route(const RouteSection& section, const Config& config, const ByLimit& consumers, Document& document) {
  const auto& uses = section.limits;
  if (uses.size() > policy::kRouteLimitsMax) {
    document.issues.add(kLimitsMax, uses.back().name.at,
                        "a route has at most " + std::to_string(policy::kRouteLimitsMax) + " limits");
  }
  for (auto use = uses.begin(); use != uses.end(); ++use) {
    const auto* limit = resolve("limit", use->name.name, use->name.at, config.limit, document);
    if (limit == nullptr || !limit->sound) continue;
    auto same = [&](const policy::RouteLimit& other) { return other.name.name == use->name.name; };
    if (std::any_of(uses.begin(), use, same)) {
      document.issues.add(kLimitTwice, use->name.at, "the route names [limit." + limit->name + "] twice");
    }
    if (uint64_t most = limit->value.rule().most; use->cost > most) {
      document.issues
          .add(kLimitCost, use->name.at, "no request would ever get through: its cost is " + std::to_string(use->cost))
          .note = "[limit." + limit->name + "] has at most " + std::to_string(most) + " at once";
    }
    if (use->is_default && (section.auth.names.empty() || !counts_by_identity(limit->value))) {
      document.issues.add(kLimitDefault, use->name.at, "`default` needs to know who asks")
          .note = section.auth.names.empty()
                      ? "the route has no auth"
                      : "[limit." + limit->name + "] is asked before authentication: put \"consumer\" into its key";
    }
    if (limit->value.concurrency && use->cost > 1) {
      document.issues.add(kLimitCost, use->name.at, "[limit." + limit->name + "] counts requests in flight, which have no cost");
    }
    if (limit->value.count == policy::LimitCount::failures && section.auth.names.empty()) {
      document.issues
          .add(kLimitNoFailures, use->name.at, "no credentials are asked for here that could be refused")
          .note = "[limit." + limit->name + "] counts failures: the route needs an auth";
    }
    auto same_of = consumers.find(limit->name);
    if (same_of != consumers.end() && !use->is_default && !section.auth.names.empty()) {
      document.issues.add(kLimitTwice, use->name.at, "requests of [consumer." + same_of->second->name + "] would be counted twice")
          .note = "it names [limit." + limit->name + "] too";
    }
    check_parameters(section, *use, *limit, document);
  }
}

}  // namespace

void check_limits(const Config& config, Document& document) {
  ByLimit consumers;
  for (const auto& consumer : config.consumer) {
    check_consumer(consumer, config, document);
    for (const auto& named : consumer.value.limits) consumers.emplace(named.name, &consumer);
  }
  for (const auto& route : config.route) check_route(route.value, config, consumers, document);
}

}  // namespace sluice::snapshot
