#include "policy/limit/shared_limiter.h"

namespace sluice::policy {

SharedLimiter::SharedLimiter(const LimitConfig& config, std::shared_ptr<const redis::Instance> instance)
    : rule_(config.rule()), local_(config.local_rule()), mode_(config.exact ? LeaseMode::exact : LeaseMode::leased),
      down_(config.on_store_down), instance_(std::move(instance)), script_(std::make_shared<LimitScript>(rule_)) {}

LeaseBook& SharedLimiter::book(const Call& call) const {
  Desk& desk = desks_.of(call.worker());
  if (!desk.book) {
    auto store = std::make_shared<RedisLimitStore>(instance_, call.worker(), script_);
    desk.book = std::make_shared<LeaseBook>(rule_, mode_, std::move(store));
  }
  return *desk.book;
}

SharedLimiter::Outcome SharedLimiter::spend(const Call& call, const LimitKeyMaker& keys, const LimitKey& key,
                                            LeaseBook::Waiting& waiting) const {
  LeaseBook& own = book(call);
  std::string name = own.knows(key) ? std::string() : keys.shared_name(call);
  return own.spend(key, name, waiting, call.clock());
}

std::string SharedLimiter::describe() const {
  return ", in redis." + instance_->name() + (mode_ == LeaseMode::exact ? " exactly" : "");
}

}  // namespace sluice::policy
