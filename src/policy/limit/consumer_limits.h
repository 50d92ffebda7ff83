// Limits of consumers: what some are held against wherever they are known, beside what a route says. Const.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/limit/limiter.h"

namespace sluice::policy {

/// One limit as a route or a consumer uses it.
struct LimitUse {
  std::shared_ptr<const Limiter> limiter;
  uint64_t cost = 1;
  bool is_default = false;   // of a route: only for those who have none of their own
};

class ConsumerLimits {
 public:
  struct Own {
    std::vector<LimitUse> uses;
    std::string policies;   // of RateLimit-Policy
  };

  void add(const std::string& consumer, std::vector<LimitUse> uses);
  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }
  /// gives: null when this one has none
  const Own* find(std::string_view consumer) const {
    auto found = all_.find(consumer);
    return found == all_.end() ? nullptr : &found->second;
  }

 private:
  struct Hash {   // looked up by views
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, Own, Hash, std::equal_to<>> all_;
};

/// Adds an item to a value of RateLimit-Policy.
void add_policy_item(std::string& policies, const Limiter& limiter);

}  // namespace sluice::policy
