// One [limit.NAME], compiled: shared by the routes that name it and by all workers.
#pragma once

#include <memory>
#include <string>

#include "policy/limit/limit_config.h"
#include "policy/limit/limit_key.h"
#include "policy/limit/shared_limiter.h"

namespace sluice::policy {

class Limiter {
 public:
  /// `metric`: the id that it counts under; `redis`: where its counts are, null: in the table
  Limiter(std::string name, const LimitConfig& config, std::shared_ptr<SharedLimitTable> table, uint32_t metric,
          std::shared_ptr<const redis::Instance> redis = nullptr);

  const std::string& name() const { return name_; }
  const LimitRule& rule() const { return rule_; }
  SharedLimitTable& table() const { return *table_; }
  LimitKey key(const Call& call) const { return keys_.make(call); }
  const LimitKeyMaker& keys() const { return keys_; }
  /// null: the counts are in the table
  const SharedLimiter* shared() const { return shared_.get(); }
  bool is_shadow() const { return shadow_; }
  bool counts_failures() const { return failures_; }
  bool counts_in_flight() const { return rule_.kind == LimitKind::concurrency; }
  /// Before authentication: nothing that it asks for is known only after it.
  bool is_early() const { return failures_ || !keys_.needs_identity(); }
  /// Its item of RateLimit-Policy; empty when clients are not told.
  const std::string& policy_item() const { return policy_item_; }
  /// For explain: "per_user: 100/1m by identity, burst 20".
  std::string describe() const;
  void count(const Call& call, observe::LimitResult result) const { call.shard().limit(metric_, result); }

 private:
  std::string name_;
  LimitRule rule_;
  LimitKeyMaker keys_;
  std::shared_ptr<SharedLimitTable> table_;
  uint32_t metric_;
  bool shadow_;
  bool failures_;
  std::unique_ptr<const SharedLimiter> shared_;
  std::string what_;          // "100/1m, burst 20"
  std::string policy_item_;
};

}  // namespace sluice::policy
