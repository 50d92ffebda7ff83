#include "policy/limit/limiter.h"

namespace sluice::policy {
namespace {

std::vector<config::Fact> facts_of(const LimitConfig& config) {
  std::vector<config::Fact> out;
  for (const auto& fact : config.key) out.push_back(fact.value);
  return out;
}

std::string what_of(const LimitConfig& config) {
  if (config.concurrency) return std::to_string(*config.concurrency) + " at the same time";
  std::string out = config::print_rate(config.rate->value);
  if (config.algorithm == LimitAlgorithm::gcra) return out + ", burst " + std::to_string(config.rule().most);
  return out + ", " + std::string(config::Choices<LimitAlgorithm>::names[static_cast<size_t>(config.algorithm)]);
}

// see: draft-ietf-httpapi-ratelimit-headers-10 section 3. A burst comes back in `window`: that is the rate, said as a
// quota that holds at once.
std::string policy_item_of(std::string_view name, const LimitRule& rule) {
  std::string out = "\"" + std::string(name) + "\";q=" + std::to_string(rule.most);
  if (rule.kind == LimitKind::concurrency) return out + ";qu=\"concurrent-requests\"";
  auto seconds = std::chrono::ceil<std::chrono::seconds>(rule.window).count();
  return out + ";w=" + std::to_string(seconds);
}

}  // namespace

Limiter::Limiter(std::string name, const LimitConfig& config, std::shared_ptr<SharedLimitTable> table, uint32_t metric,
                 std::shared_ptr<const redis::Instance> redis)
    : name_(std::move(name)), rule_(config.rule()),
      keys_(table->seed(), name_, what_of(config), facts_of(config), config.ipv6_prefix), table_(std::move(table)),
      metric_(metric), shadow_(config.shadow), failures_(config.count == LimitCount::failures), what_(what_of(config)) {
  if (redis) shared_ = std::make_unique<SharedLimiter>(config, std::move(redis));
  if (config.headers && !shadow_ && !failures_) policy_item_ = policy_item_of(name_, rule_);
}

std::string Limiter::describe() const {
  std::string out = name_ + ": " + what_ + (failures_ ? " of refused credentials" : "") + " by " + keys_.describe();
  if (shared_) out += shared_->describe();
  return out + (is_early() ? ", before authentication" : ", after authentication") + (shadow_ ? ", shadow only" : "");
}

}  // namespace sluice::policy
