#include "policy/limit/limits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "policy/limit/limit_fields.h"

namespace sluice::policy {
namespace {

using State = LimitHeld::State;

LimitReport& report_of(Call& call) {
  LimitReport*& report = call.findings().limits;
  if (report == nullptr) report = call.arena().make<LimitReport>();
  return *report;
}

// Which of two would be the first to refuse this client.
bool is_tighter(const Standing& standing, uint64_t cost, const LimitReport& than) {
  if (than.tightest == nullptr) return true;
  uint64_t left = standing.remaining / cost, other = than.standing.remaining / than.cost;
  return left != other ? left < other : standing.more > than.standing.more;
}

}  // namespace

Limits::Limits(std::vector<LimitUse> uses, LimitPolicies policies, LimitTells tells,
               std::shared_ptr<const ConsumerLimits> own)
    : uses_(std::move(uses)), policies_(std::move(policies)), tells_(tells), own_(std::move(own)) {
  for (const LimitUse& use : uses_) reserves_ |= use.limiter->counts_failures();
}

std::string Limits::describe() const {
  std::string out;
  for (const LimitUse& use : uses_) {
    out += (out.empty() ? "" : "; ") + use.limiter->describe();
    if (use.cost > 1) out += ", cost " + std::to_string(use.cost);
    if (use.is_default) out += ", for who has no limits of his own";
  }
  if (own_) out += (out.empty() ? "" : "; ") + ("those of the consumer, if it is one of the " + std::to_string(own_->size()) + " with some");
  return out;
}

// What this place keeps for one request.
struct Limits::Scratch {
  LimitHeld* held;
  const Own* own;    // null: the consumer has none, or nobody is known
  size_t next = 0;   // limit to ask
};

Limits::Scratch* Limits::begin(Call& call) const {
  const Own* own = own_ && call.identity() != nullptr ? own_->find(call.identity()->consumer) : nullptr;
  size_t size = count(own);
  auto* held = call.arena().array<LimitHeld>(size);
  std::fill_n(held, size, LimitHeld{});
  if (reserves_) {
    report_of(call).reserving = this;
    report_of(call).reserved = held;
  }
  if (own != nullptr) {
    std::string_view between = policies_.without_defaults.empty() || own->policies.empty() ? "" : ", ";
    report_of(call).policies = call.arena().join(policies_.without_defaults, between, own->policies);
  }
  return call.arena().make<Scratch>(Scratch{held, own});
}

Verdict Limits::on_request(Call& call) const {
  auto* scratch = static_cast<Scratch*>(call.scratch());
  if (scratch == nullptr) call.scratch() = scratch = begin(call);
  // Read anew, not the loop's: a worker whose turn is long would otherwise give what another has given already.
  uint64_t now = limit_time(call.clock().precise());
  for (size_t end = count(scratch->own); scratch->next < end; ++scratch->next) {
    const LimitUse& use = use_at(scratch->own, scratch->next);
    if (use.is_default && scratch->own != nullptr) continue;
    Admission admission = admit(use, scratch->held[scratch->next], now, call);
    if (admission != Admission::passed) return stop(*scratch, admission, call);
  }
  return Verdict::pass();
}

Verdict Limits::stop(Scratch& scratch, Admission why, Call& call) const {
  const Limiter& limiter = *use_at(scratch.own, scratch.next).limiter;
  if (why == Admission::parked) {
    scratch.held[scratch.next].waiting.resume = call.resume();
    return Verdict::wait(call.clock().now() + kParkedMax, nullptr);
  }
  // A request that is refused uses nothing of the limits that would have let it through.
  for (State state : {State::used, State::reserved, State::inside}) give_back(scratch, scratch.next, state, call);
  call.findings().rule = limiter.name();
  if (why == Admission::away) return Verdict::refuse(kStoreUnavailable);
  return Verdict::refuse(limiter.counts_in_flight() ? kTooManyInFlight : kRateLimited);
}

Limits::Admission Limits::admit(const LimitUse& use, LimitHeld& held, uint64_t now, Call& call) const {
  if (held.waiting.outcome == LeaseBook::Outcome::none) held.key = use.limiter->key(call);
  std::optional<Standing> standing = use.limiter->shared() ? ask_store(use, held, now, call) : ask(use, held, now, call);
  if (standing) return note(use, held, *standing, call);
  if (held.waiting.outcome == LeaseBook::Outcome::parked) return Admission::parked;
  return use.limiter->shared()->when_down() == StoreDown::open ? Admission::passed : Admission::away;
}

std::optional<Standing> Limits::ask(const LimitUse& use, LimitHeld& held, uint64_t now, Call&) const {
  const Limiter& limiter = *use.limiter;
  if (limiter.counts_in_flight()) return limiter.table().enter(held.key, limiter.rule(), now, held.pass);
  return limiter.table().charge(held.key, limiter.rule(), now, use.cost, Charge::take);
}

// A request that was parked comes again, with what it was told.
std::optional<Standing> Limits::ask_store(const LimitUse& use, LimitHeld& held, uint64_t now, Call& call) const {
  using Outcome = LeaseBook::Outcome;
  const SharedLimiter& shared = *use.limiter->shared();
  Outcome outcome = held.waiting.outcome;
  if (outcome == Outcome::none) {
    held.waiting.cost = use.cost;
    outcome = shared.spend(call, use.limiter->keys(), held.key, held.waiting);
  }
  if (outcome == Outcome::parked) return std::nullopt;
  held.leased = outcome == Outcome::allowed;
  if (outcome != Outcome::away) return held.waiting.standing;
  use.limiter->count(call, observe::LimitResult::fallback);
  if (shared.when_down() != StoreDown::local) return std::nullopt;
  const LimitRule& rule = shared.local_rule();
  return use.limiter->table().charge(held.key, rule, now, std::min(use.cost, rule.most), Charge::take);
}

// What follows from where the request stands: for it, for its client, for the counters.
Limits::Admission Limits::note(const LimitUse& use, LimitHeld& held, const Standing& standing, Call& call) const {
  const Limiter& limiter = *use.limiter;
  if (standing.allowed) {
    held.state = limiter.counts_in_flight() ? State::inside : limiter.counts_failures() ? State::reserved : State::used;
    if (!limiter.counts_failures()) limiter.count(call, observe::LimitResult::allowed);
    if (limiter.policy_item().empty()) return Admission::passed;
  } else if (limiter.is_shadow()) {
    limiter.count(call, observe::LimitResult::shadowed);
    LOG(info, "limit in shadow mode would have refused", kv("limit", limiter.name()), kv("route", call.route()),
        kv("client", call.client().ip.to_string()), kv("request_id", call.request_id()));
    return Admission::passed;
  }
  LimitReport& report = report_of(call);
  if (!standing.allowed || is_tighter(standing, use.cost, report)) {
    report.tightest = &limiter;
    report.standing = standing;
    report.cost = use.cost;
  }
  if (standing.allowed) return Admission::passed;
  report.retry = std::max<Duration>(standing.retry, std::chrono::seconds(1));
  limiter.count(call, observe::LimitResult::limited);
  return Admission::refused;
}

void Limits::give_back(const Scratch& scratch, size_t end, LimitHeld::State state, const Call& call) const {
  for (size_t i = 0; i < end; ++i) {
    if (scratch.held[i].state == state) give_back_one(use_at(scratch.own, i), scratch.held[i], call);
  }
}

void Limits::give_back_one(const LimitUse& use, LimitHeld& held, const Call& call) const {
  const Limiter& limiter = *use.limiter;
  State state = std::exchange(held.state, State::none);
  if (state == State::inside) return limiter.table().leave(held.pass);
  if (held.leased) return limiter.shared()->give_back(call, held.key, use.cost);
  const LimitRule& rule = limiter.shared() ? limiter.shared()->local_rule() : limiter.rule();
  limiter.table().refund(held.key, rule, limit_time(call.clock().precise()), std::min(use.cost, rule.most));
}

// What was taken in case of a refused credential: now it is known whether there was one.
void Limits::settle(LimitHeld* held, const Call& call) const {
  if (!call.findings().credential_refused) return give_back({held, nullptr}, uses_.size(), State::reserved, call);
  for (size_t i = 0; i < uses_.size(); ++i) {
    if (held[i].state != State::reserved) continue;
    held[i].state = State::used;
    uses_[i].limiter->count(call, observe::LimitResult::counted);
  }
}

void Limits::on_response(Call& call, http::Head& response) const {
  const auto* scratch = static_cast<const Scratch*>(call.scratch());
  if (scratch != nullptr && reserves_) settle(scratch->held, call);
  const LimitReport* report = call.findings().limits;
  if (tells_ == LimitTells::no || report == nullptr) return;
  add_limit_fields(*report, report->policies.value_or(policies_.all), response);
}

void Limits::on_end(Call& call) const {
  const auto* scratch = static_cast<const Scratch*>(call.scratch());
  if (scratch == nullptr) return;
  for (size_t i = 0; i < count(scratch->own); ++i) {   // the client may have gone while the request was parked
    const Limiter& limiter = *use_at(scratch->own, i).limiter;
    if (limiter.shared()) limiter.shared()->leave(call, scratch->held[i].waiting);
  }
  if (reserves_) settle(scratch->held, call);
  give_back(*scratch, count(scratch->own), State::inside, call);
}

// A place among those in flight is a socket's as long as it is open.
class Limits::Places final : public Tenure {
 public:
  ~Places() override {
    for (Place& place : places_) place.table->leave(place.pass);
  }
  void add(SharedLimitTable& table, SharedLimitTable::Pass pass) { places_.push_back({&table, pass}); }

 private:
  struct Place {
    SharedLimitTable* table;
    SharedLimitTable::Pass pass;
  };
  std::vector<Place> places_;
};

std::unique_ptr<Tenure> Limits::on_tunnel(Call& call) const {
  const auto* scratch = static_cast<const Scratch*>(call.scratch());
  std::unique_ptr<Places> places;
  for (size_t i = 0; scratch != nullptr && i < count(scratch->own); ++i) {
    LimitHeld& held = scratch->held[i];
    if (held.state != State::inside) continue;
    if (places == nullptr) places = std::make_unique<Places>();
    places->add(use_at(scratch->own, i).limiter->table(), held.pass);
    held.state = State::none;
  }
  return places;
}

Verdict LimitSettlement::on_request(Call& call) const {
  const LimitReport* report = call.findings().limits;
  if (report != nullptr && report->reserving != nullptr) report->reserving->settle(report->reserved, call);
  return Verdict::pass();
}

}  // namespace sluice::policy
