// A limit whose counts are in a [redis.NAME]: its worker's leases, and what holds while Redis is away.
#pragma once

#include <memory>
#include <string>

#include "base/per_worker.h"
#include "policy/limit/lease_book.h"
#include "policy/limit/limit_config.h"
#include "policy/limit/limit_key.h"
#include "policy/limit/redis_limit_store.h"

namespace sluice::policy {

class SharedLimiter {
 public:
  SharedLimiter(const LimitConfig& config, std::shared_ptr<const redis::Instance> instance);

  using Outcome = LeaseBook::Outcome;
  /// Spends, or parks: `waiting` must then be told apart by its outcome when the request is asked again.
  Outcome spend(const Call& call, const LimitKeyMaker& keys, const LimitKey& key, LeaseBook::Waiting& waiting) const;
  void give_back(const Call& call, const LimitKey& key, uint64_t cost) const { book(call).give_back(key, cost); }
  void leave(const Call& call, LeaseBook::Waiting& waiting) const { book(call).leave(waiting); }

  StoreDown when_down() const { return down_; }
  const LimitRule& local_rule() const { return local_; }
  /// ", in redis.main"
  std::string describe() const;

 private:
  struct Desk {
    std::shared_ptr<LeaseBook> book;
  };
  LeaseBook& book(const Call& call) const;

  LimitRule rule_;
  LimitRule local_;
  LeaseMode mode_;
  StoreDown down_;
  std::shared_ptr<const redis::Instance> instance_;
  std::shared_ptr<const LimitScript> script_;
  PerWorker<Desk> desks_;
};

}  // namespace sluice::policy
