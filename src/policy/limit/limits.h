// Holds requests against the limits of their route. Those that need no identity are asked before authentication, the
// others after it; the tightest of all answers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/limit/consumer_limits.h"
#include "policy/policy.h"

namespace sluice::policy {

inline constexpr http::Problem kRateLimited{429, "rate_limited", "Too Many Requests",
    "A limit on the rate of requests is reached. Wait for as long as Retry-After says."};
inline constexpr http::Problem kTooManyInFlight{429, "too_many_in_flight", "Too Many Requests",
    "Too many requests are in progress at the same time. Wait for one to end before the next."};

inline constexpr http::Problem kStoreUnavailable{503, "dependency_unavailable", "Service Unavailable",
    "The gateway cannot count this request at present. Try again shortly."};

inline constexpr const http::Problem* kLimitProblems[] = {&kRateLimited, &kTooManyInFlight, &kStoreUnavailable};

/// A store answers or is given up sooner (redis::kCommandTimeout); this is for what nobody thought of.
inline constexpr Duration kParkedMax = std::chrono::seconds(1);

/// What one limit took for a request, until it is given back or used.
struct LimitHeld {
  enum class State : uint8_t {
    none,
    used,       // a request of a rate
    reserved,   // a refused credential, in case this is one
    inside,     // one of those in flight
  };
  State state = State::none;
  bool leased = false;           // of what is used or reserved: from a lease
  LimitKey key;
  SharedLimitTable::Pass pass;
  LeaseBook::Waiting waiting;    // of a limit in a store
};

class Limits;

/// Where a request stands with the limits of its route; in its arena.
struct LimitReport {
  const Limiter* tightest = nullptr;    // of those that clients are told about
  Standing standing;                    // its
  uint64_t cost = 1;
  Duration retry{};                     // zero: none refused
  std::optional<std::string_view> policies;   // of RateLimit-Policy; nothing: as the route says
  const Limits* reserving = nullptr;    // the place that took something in advance, and what it holds
  LimitHeld* reserved = nullptr;
};

/// Whether this place tells the client of all of them: the one that sees the response last.
enum class LimitTells : bool { no, yes };

/// Values of RateLimit-Policy of a route's limits: of all, and without those for who has none of his own.
struct LimitPolicies {
  std::string all;
  std::string without_defaults;
};

/// The limits of one place of a route, in the route's order, and then those of the consumer who asks.
class Limits final : public Policy {
 public:
  /// `own`: of the place after authentication; null: no consumer has any
  Limits(std::vector<LimitUse> uses, LimitPolicies policies, LimitTells tells,
         std::shared_ptr<const ConsumerLimits> own = nullptr);

  std::string_view name() const override { return "limit"; }
  std::string describe() const override;
  Wants wants() const override { return {.request = true, .response = true, .end = true}; }
  Verdict on_request(Call& call) const override;
  void on_response(Call& call, http::Head& response) const override;
  void on_end(Call& call) const override;
  std::unique_ptr<Tenure> on_tunnel(Call& call) const override;

 private:
  friend class LimitSettlement;
  enum class Admission : uint8_t { passed, refused, parked, away };
  using Own = ConsumerLimits::Own;
  struct Scratch;
  class Places;
  Scratch* begin(Call& call) const;
  size_t count(const Own* own) const { return uses_.size() + (own != nullptr ? own->uses.size() : 0); }
  const LimitUse& use_at(const Own* own, size_t index) const {
    return index < uses_.size() ? uses_[index] : own->uses[index - uses_.size()];
  }
  Admission admit(const LimitUse& use, LimitHeld& held, uint64_t now, Call& call) const;
  /// gives: where the request stands; nothing when it parks or the store is away
  std::optional<Standing> ask(const LimitUse& use, LimitHeld& held, uint64_t now, Call& call) const;
  std::optional<Standing> ask_store(const LimitUse& use, LimitHeld& held, uint64_t now, Call& call) const;
  Admission note(const LimitUse& use, LimitHeld& held, const Standing& standing, Call& call) const;
  Verdict stop(Scratch& scratch, Admission why, Call& call) const;
  /// Gives back what the first `end` hold that is in `state`.
  void give_back(const Scratch& scratch, size_t end, LimitHeld::State state, const Call& call) const;
  /// Of a place that has limits of failures: no consumer has.
  void settle(LimitHeld* held, const Call& call) const;
  void give_back_one(const LimitUse& use, LimitHeld& held, const Call& call) const;

  std::vector<LimitUse> uses_;
  LimitPolicies policies_;
  LimitTells tells_;
  std::shared_ptr<const ConsumerLimits> own_;
  bool reserves_ = false;               // has a limit of failures
};

/// Right after authentication: what limits of failures took in advance is given back, since there was none.
class LimitSettlement final : public Policy {
 public:
  std::string_view name() const override { return "limit"; }
  std::string describe() const override { return "good credentials are not counted"; }
  Wants wants() const override { return {.request = true}; }
  Verdict on_request(Call& call) const override;
};

}  // namespace sluice::policy
