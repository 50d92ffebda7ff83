#include "policy/limit/limits.h"

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

Limits::Limits(std::vector<LimitUse> uses, std::string policies, LimitTells tells)
    : uses_(std::move(uses)), policies_(std::move(policies)), tells_(tells) {
  for (const LimitUse& use : uses_) reserves_ |= use.limiter->counts_failures();
}

std::string Limits::describe() const {
  std::string out;
  for (const LimitUse& use : uses_) {
    out += (out.empty() ? "" : "; ") + use.limiter->describe();
    if (use.cost > 1) out += ", cost " + std::to_string(use.cost);
  }
  return out;
}

Verdict Limits::on_request(Call& call) const {
  auto* held = call.arena().array<LimitHeld>(uses_.size());
  std::fill_n(held, uses_.size(), LimitHeld{});
  call.scratch() = held;
  if (reserves_) {
    report_of(call).reserving = this;
    report_of(call).reserved = held;
  }
  // Read anew, not the loop's: a worker whose turn is long would otherwise give what another has given already.
  uint64_t now = limit_time(call.clock().precise());
  for (size_t i = 0; i < uses_.size(); ++i) {
    if (admit(uses_[i], held[i], now, call)) continue;
    // A request that is refused uses nothing of the limits that would have let it through.
    for (State state : {State::used, State::reserved, State::inside}) give_back(held, i, state, call);
    return Verdict::refuse(uses_[i].limiter->counts_in_flight() ? kTooManyInFlight : kRateLimited);
  }
  return Verdict::pass();
}

bool Limits::admit(const LimitUse& use, LimitHeld& held, uint64_t now, Call& call) const {
  const Limiter& limiter = *use.limiter;
  held.key = limiter.key(call);
  Standing standing = limiter.counts_in_flight()
                          ? limiter.table().enter(held.key, limiter.rule(), now, held.pass)
                          : limiter.table().charge(held.key, limiter.rule(), now, use.cost, Charge::take);
  if (standing.allowed) {
    held.state = limiter.counts_in_flight() ? State::inside : limiter.counts_failures() ? State::reserved : State::used;
    if (!limiter.counts_failures()) limiter.count(call, observe::LimitResult::allowed);
  } else if (limiter.is_shadow()) {
    limiter.count(call, observe::LimitResult::shadowed);
    LOG(info, "limit in shadow mode would have refused", kv("limit", limiter.name()), kv("route", call.route()),
        kv("client", call.client().ip.to_string()), kv("request_id", call.request_id()));
    return true;
  }
  if (standing.allowed && limiter.policy_item().empty()) return true;
  LimitReport& report = report_of(call);
  if (!standing.allowed || is_tighter(standing, use.cost, report)) {
    report.tightest = &limiter;
    report.standing = standing;
    report.cost = use.cost;
  }
  if (standing.allowed) return true;
  report.retry = std::max<Duration>(standing.retry, std::chrono::seconds(1));
  call.findings().rule = limiter.name();
  limiter.count(call, observe::LimitResult::limited);
  return false;
}

void Limits::give_back(LimitHeld* held, size_t count, LimitHeld::State state, const Call& call) const {
  for (size_t i = 0; i < count; ++i) {
    if (held[i].state != state) continue;
    held[i].state = State::none;
    const Limiter& limiter = *uses_[i].limiter;
    if (state == State::inside) {
      limiter.table().leave(held[i].pass);
    } else {
      limiter.table().refund(held[i].key, limiter.rule(), limit_time(call.clock().precise()), uses_[i].cost);
    }
  }
}

// What was taken in case of a refused credential: now it is known whether there was one.
void Limits::settle(LimitHeld* held, const Call& call) const {
  if (!call.findings().credential_refused) return give_back(held, uses_.size(), State::reserved, call);
  for (size_t i = 0; i < uses_.size(); ++i) {
    if (held[i].state != State::reserved) continue;
    held[i].state = State::used;
    uses_[i].limiter->count(call, observe::LimitResult::counted);
  }
}

void Limits::on_response(Call& call, http::Head& response) const {
  auto* held = static_cast<LimitHeld*>(call.scratch());
  if (held != nullptr && reserves_) settle(held, call);
  if (tells_ == LimitTells::yes && call.findings().limits != nullptr) add_limit_fields(*call.findings().limits, policies_, response);
}

void Limits::on_end(Call& call) const {
  auto* held = static_cast<LimitHeld*>(call.scratch());
  if (held == nullptr) return;
  if (reserves_) settle(held, call);
  give_back(held, uses_.size(), State::inside, call);
}

Verdict LimitSettlement::on_request(Call& call) const {
  const LimitReport* report = call.findings().limits;
  if (report != nullptr && report->reserving != nullptr) report->reserving->settle(report->reserved, call);
  return Verdict::pass();
}

}  // namespace sluice::policy
