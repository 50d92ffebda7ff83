// Counts in Redis: one script for each algorithm, on Redis' own clock, so that gateways with skewed clocks give out
// nothing extra (requirement C4). Check and increment are one step (C5).
#pragma once

#include <memory>
#include <string>

#include "policy/limit/limit_store.h"
#include "policy/limit/rule.h"
#include "redis/instance.h"

namespace sluice::policy {

/// What all workers have in common: the script of a rule, and its numbers as the script takes them.
struct LimitScript {
  explicit LimitScript(const LimitRule& rule);
  redis::Script script;
  std::string numbers[3];
};

/// One worker's.
class RedisLimitStore final : public LimitStore, private redis::Asker {
 public:
  RedisLimitStore(std::shared_ptr<const redis::Instance> instance, unsigned worker,
                  std::shared_ptr<const LimitScript> script)
      : instance_(std::move(instance)), worker_(worker), script_(std::move(script)) {}

  bool ask(std::string_view name, Wanted wanted, uint64_t tag, Taker& taker, std::shared_ptr<const void> keep) override;

 private:
  void on_answer(uint64_t tag, const redis::Answer& answer) override;

  std::shared_ptr<const redis::Instance> instance_;
  unsigned worker_;
  std::shared_ptr<const LimitScript> script_;
  Taker* taker_ = nullptr;   // the same for all
};

}  // namespace sluice::policy
