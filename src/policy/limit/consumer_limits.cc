#include "policy/limit/consumer_limits.h"

#include <utility>

namespace sluice::policy {

void add_policy_item(std::string& policies, const Limiter& limiter) {
  if (limiter.policy_item().empty()) return;
  policies += (policies.empty() ? "" : ", ") + limiter.policy_item();
}

void ConsumerLimits::add(const std::string& consumer, std::vector<LimitUse> uses) {
  Own& own = all_[consumer];
  for (const LimitUse& use : uses) add_policy_item(own.policies, *use.limiter);
  own.uses = std::move(uses);
}

}  // namespace sluice::policy
