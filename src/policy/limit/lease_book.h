// What one worker holds of the counts of one limit in a store: prepaid leases. A request that finds some left is decided
// at once; one that finds none parks until the store has answered, and is never refused for want of asking.
//
// A store gives no more than burst + rate x T in any time T (a sliding window its count in place of the burst), and what it
// gives is spent within kLeaseLife or lost: all gateways together let through at most burst + rate x (T + 0.5 s).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/hash.h"
#include "base/list.h"
#include "policy/limit/limit_store.h"
#include "policy/limit/rule.h"
#include "policy/resume.h"

namespace sluice::policy {

/// What is not spent by then is lost. Counted from the asking, so the store's clock and ours need not agree. The bound is
/// stated for 0.5 s; the rest is for a worker's turn, during which its clock stands.
inline constexpr Duration kLeaseLife = std::chrono::milliseconds(480);
/// As much as is asked for in advance, at most: this long of the even rate, or twice as long as the store takes to answer,
/// so that the half at which more is asked for lasts until that is there.
inline constexpr Duration kLeaseSpan = std::chrono::milliseconds(50);
/// What lasts longer may be lost before it is spent.
inline constexpr Duration kLeaseSpanMax = kLeaseLife / 2;
/// And at first: a few requests that come together need one asking.
inline constexpr uint64_t kAheadFirst = 4;
/// A count that had nothing is not asked for again sooner, unless its burst would be lost meanwhile.
inline constexpr Duration kAskGap = std::chrono::milliseconds(20);
/// A store that was away is not asked again sooner.
inline constexpr Duration kAwayGap = std::chrono::milliseconds(100);
/// Keys of one limit that one worker holds leases of; beyond, the one used longest ago goes.
inline constexpr size_t kLeasesMax = 10'000;

enum class LeaseMode : uint8_t {
  leased,
  exact,   // every request is asked for: nothing is prepaid
};

class LeaseBook final : public LimitStore::Taker, public std::enable_shared_from_this<LeaseBook> {
 public:
  enum class Outcome : uint8_t {
    none,
    allowed,
    refused,
    parked,   // told later, through the Waiting's resume
    away,     // the store is not there: decide alone
  };

 private:
  struct Lease;

 public:
  /// One that parks; lives in its request.
  struct Waiting {
    std::optional<Resume> resume;
    Outcome outcome = Outcome::none;
    uint64_t cost = 1;
    Standing standing;

   private:
    friend class LeaseBook;
    Lease* lease = nullptr;         // while parked
    Waiting* next = nullptr;
  };

  LeaseBook(const LimitRule& rule, LeaseMode mode, std::shared_ptr<LimitStore> store)
      : rule_(rule), mode_(mode), store_(std::move(store)) {}
  LeaseBook(const LeaseBook&) = delete;
  ~LeaseBook();

  bool knows(const Hash128& key) const { return leases_.contains(key); }
  /// Spends `waiting.cost` of a key, or parks. `name`: under which the store has it; needed when it is not known yet.
  /// `clock`: the worker's, which the answer needs too
  /// gives: waiting.outcome, which is not none
  Outcome spend(const Hash128& key, std::string_view name, Waiting& waiting, const Clock& clock);
  /// Gives back what was spent and not used.
  void give_back(const Hash128& key, uint64_t cost);
  /// The request waits no longer.
  void leave(Waiting& waiting);
  size_t size() const { return leases_.size(); }

 private:
  struct LruTag;
  struct Tokens {
    uint64_t count = 0;
    TimePoint expires{};
  };
  struct Lease : ListHook<LruTag> {
    uint64_t count(TimePoint now) const;
    bool take(uint64_t cost, TimePoint now);
    void put(uint64_t granted, TimePoint now);

    Hash128 key;
    std::string name;
    std::array<Tokens, 2> tokens{};   // the older first
    uint64_t last_grant = 0;
    uint64_t ahead = kAheadFirst;     // how many were last asked for in advance
    uint64_t remaining = 0;           // at the store, when it last answered
    TimePoint whole_at{};
    TimePoint asked_at{};
    Duration took{};                  // from the last asking to its answer
    uint64_t asked = 0;               // how many; 0: nobody asks
    TimePoint empty_until{};
    TimePoint away_until{};
    Waiting* first = nullptr;
    Waiting** last = &first;

    bool idle() const { return asked == 0 && first == nullptr; }
  };

  void on_grant(uint64_t tag, const Grant& grant) override;
  struct KeyHash {
    size_t operator()(const Hash128& key) const { return key.low; }
  };
  Lease* find_or_make(const Hash128& key, std::string_view name);
  void refill(Lease& lease);
  bool ask(Lease& lease, uint64_t parked, uint64_t first);
  uint64_t ahead(Lease& lease);
  void park(Lease& lease, Waiting& waiting);
  void serve(Lease& lease, bool had_all);
  /// Tells the first one that is parked.
  void tell(Lease& lease, Outcome outcome);
  Standing standing(const Lease& lease, Outcome outcome, uint64_t cost) const;
  Duration retry_after(const Lease& lease, uint64_t cost) const;
  Duration more_after(const Lease& lease, Duration whole) const;
  static Duration span(const Lease& lease);
  uint64_t most_ahead(const Lease& lease) const;
  Duration empty_for(Duration retry) const;
  TimePoint now() const { return clock_->now(); }

  LimitRule rule_;
  LeaseMode mode_;
  std::shared_ptr<LimitStore> store_;
  const Clock* clock_ = nullptr;      // of the last spend
  std::unordered_map<Hash128, std::unique_ptr<Lease>, KeyHash> leases_;
  List<Lease, LruTag> by_use_;        // the most recent first
};

}  // namespace sluice::policy
