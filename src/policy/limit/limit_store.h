// Where counts that several gateways share are kept. One real one (redis_limit_store.h), and the tests' own.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"

namespace sluice::policy {

/// What a store gave.
struct Grant {
  bool away = false;         // no answer: it is not there, or not well
  uint64_t granted = 0;
  uint64_t remaining = 0;    // that others may still ask for
  Duration retry{};          // until there is one more; zero: there is
  Duration whole{};          // until nothing is used any more
};

class LimitStore {
 public:
  class Taker {
   public:
    virtual void on_grant(uint64_t tag, const Grant& grant) = 0;

   protected:
    ~Taker() = default;
  };

  virtual ~LimitStore() = default;
  struct Wanted {
    uint64_t most = 1;    // or as much as there is
    uint64_t least = 1;   // with less than that nothing is taken
  };
  /// Asks for so many of the count `name`. `keep` holds the taker until it is told.
  /// gives: false when nothing was asked: decide alone. Otherwise on_grant comes once, later
  virtual bool ask(std::string_view name, Wanted wanted, uint64_t tag, Taker& taker,
                   std::shared_ptr<const void> keep) = 0;
};

}  // namespace sluice::policy
