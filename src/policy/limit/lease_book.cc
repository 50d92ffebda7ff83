#include "policy/limit/lease_book.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::policy {

uint64_t LeaseBook::Lease::count(TimePoint now) const {
  uint64_t out = 0;
  for (const Tokens& some : tokens) out += some.expires > now ? some.count : 0;
  return out;
}

bool LeaseBook::Lease::take(uint64_t cost, TimePoint now) {
  if (count(now) < cost) return false;
  for (Tokens& some : tokens) {   // the older first: they are lost sooner
    if (some.expires <= now) some.count = 0;
    uint64_t part = std::min(some.count, cost);
    some.count -= part;
    cost -= part;
  }
  return true;
}

// They live from the asking on: the store gave them later than that.
void LeaseBook::Lease::put(uint64_t granted, TimePoint now) {
  if (granted == 0) return;
  for (Tokens& some : tokens) {
    if (some.expires <= now) some.count = 0;
  }
  if (tokens[0].count == 0) std::swap(tokens[0], tokens[1]);
  if (tokens[0].count == 0) {
    tokens[0] = {granted, asked_at + kLeaseLife};
  } else if (tokens[1].count == 0) {
    tokens[1] = {granted, asked_at + kLeaseLife};
  } else {   // one more than we keep apart: they end with the older
    tokens[1].count += granted;
  }
}

LeaseBook::~LeaseBook() {
  for (const auto& [key, lease] : leases_) CHECK(lease->first == nullptr);
}

Duration LeaseBook::span(const Lease& lease) { return std::clamp(2 * lease.took, kLeaseSpan, kLeaseSpanMax); }

uint64_t LeaseBook::most_ahead(const Lease& lease) const {
  using Wide = unsigned __int128;
  auto window = static_cast<uint64_t>(rule_.window.count());
  auto share = static_cast<uint64_t>(Wide(rule_.most) * static_cast<uint64_t>(span(lease).count()) / window);
  return std::clamp<uint64_t>(share, 1, rule_.most);
}

// How long not to ask for a count that had nothing: not for longer than its burst takes to fill by half, so that nothing
// of the rate is lost meanwhile.
Duration LeaseBook::empty_for(Duration retry) const {
  if (mode_ == LeaseMode::exact) return retry;
  return std::max(retry, std::min(kAskGap, rule_.window / 2));
}

LeaseBook::Lease* LeaseBook::find_or_make(const Hash128& key, std::string_view name) {
  auto found = leases_.find(key);
  if (found != leases_.end()) {
    found->second->unlink();
    by_use_.push_front(*found->second);
    return found->second.get();
  }
  if (leases_.size() >= kLeasesMax) {
    Lease& oldest = by_use_.back();
    if (!oldest.idle()) return nullptr;   // the store is slower than new keys come
    leases_.erase(Hash128(oldest.key));
  }
  auto made = std::make_unique<Lease>();
  made->key = key;
  made->name = name;
  by_use_.push_front(*made);
  return leases_.emplace(key, std::move(made)).first->second.get();
}

LeaseBook::Outcome LeaseBook::spend(const Hash128& key, std::string_view name, Waiting& waiting, const Clock& clock) {
  clock_ = &clock;
  Lease* lease = find_or_make(key, name);
  if (lease == nullptr) return waiting.outcome = Outcome::away;
  bool first_come = lease->first == nullptr;   // nobody overtakes who is parked
  if (first_come && lease->take(waiting.cost, now())) {
    refill(*lease);
    waiting.standing = standing(*lease, Outcome::allowed, waiting.cost);
    return waiting.outcome = Outcome::allowed;
  }
  if (now() < lease->away_until) return waiting.outcome = Outcome::away;
  if (first_come && now() < lease->empty_until) {
    waiting.standing = standing(*lease, Outcome::refused, waiting.cost);
    return waiting.outcome = Outcome::refused;
  }
  if (lease->asked == 0 && !ask(*lease, waiting.cost, waiting.cost)) return waiting.outcome = Outcome::away;
  park(*lease, waiting);
  return waiting.outcome = Outcome::parked;
}

// At half, so that the next is there before the last is spent.
void LeaseBook::refill(Lease& lease) {
  if (mode_ == LeaseMode::exact || lease.asked > 0 || now() < lease.empty_until || now() < lease.away_until) return;
  if (lease.count(now()) * 2 > lease.last_grant || lease.last_grant < 2) return;
  ask(lease, 0, 1);
}

// How many to ask for in advance: twice as many as last time where these were spent within a span, half where they lasted
// for four (or where the store had fewer, on_grant()). Who sees few requests holds few, and strands few.
uint64_t LeaseBook::ahead(Lease& lease) {
  Duration since = now() - lease.asked_at;
  if (lease.asked_at == TimePoint{}) {
    // the first time: as it begins
  } else if (since < span(lease)) {
    lease.ahead = std::min(lease.ahead * 2, most_ahead(lease));
  } else if (since > 4 * span(lease)) {
    lease.ahead = std::max<uint64_t>(lease.ahead / 2, 1);
  }
  return std::min(lease.ahead, most_ahead(lease));
}

// `parked`: what all cost that wait, `first`: the first of them. Who could not have all of it takes nothing away from
// others, nor from himself when he comes again.
// gives: false when the store is away; then it is not asked for a while
bool LeaseBook::ask(Lease& lease, uint64_t parked, uint64_t first) {
  lease.asked = std::min(std::max(parked, mode_ == LeaseMode::exact ? 0 : ahead(lease)), rule_.most);
  lease.asked_at = now();
  auto tag = reinterpret_cast<uint64_t>(&lease);   // is not let go while it asks
  uint64_t held = lease.count(now());
  LimitStore::Wanted wanted{lease.asked, first > held ? std::min(first - held, lease.asked) : 1};
  if (store_->ask(lease.name, wanted, tag, *this, shared_from_this())) return true;
  lease.asked = 0;
  lease.away_until = now() + kAwayGap;
  return false;
}

void LeaseBook::park(Lease& lease, Waiting& waiting) {
  waiting.lease = &lease;
  waiting.next = nullptr;
  *lease.last = &waiting;
  lease.last = &waiting.next;
}

void LeaseBook::leave(Waiting& waiting) {
  if (waiting.lease == nullptr) return;
  Lease& lease = *waiting.lease;
  Waiting** link = &lease.first;
  while (*link != &waiting) link = &(*link)->next;
  *link = waiting.next;
  if (lease.last == &waiting.next) lease.last = link;
  waiting.lease = nullptr;
}

void LeaseBook::tell(Lease& lease, Outcome outcome) {
  Waiting& waiting = *lease.first;
  leave(waiting);
  waiting.outcome = outcome;
  waiting.standing = standing(lease, outcome, waiting.cost);
  waiting.resume->give(Verdict::again());
}

void LeaseBook::on_grant(uint64_t tag, const Grant& grant) {
  Lease& lease = *reinterpret_cast<Lease*>(tag);
  uint64_t asked = std::exchange(lease.asked, 0);
  if (grant.away) {
    lease.away_until = now() + kAwayGap;
    while (lease.first != nullptr) tell(lease, Outcome::away);
    return;
  }
  lease.took = now() - lease.asked_at;
  lease.remaining = grant.remaining;
  lease.whole_at = now() + grant.whole;
  lease.last_grant = grant.granted;
  lease.put(grant.granted, now());
  bool had_all = grant.granted >= asked;
  if (!had_all) lease.ahead = std::max<uint64_t>(lease.ahead / 2, 1);
  if (!had_all && grant.remaining == 0) lease.empty_until = now() + empty_for(grant.retry);
  serve(lease, had_all);
}

// In the order of their coming.
void LeaseBook::serve(Lease& lease, bool had_all) {
  while (lease.first != nullptr) {
    if (lease.take(lease.first->cost, now())) {
      tell(lease, Outcome::allowed);
    } else if (!had_all) {
      tell(lease, Outcome::refused);
      if (lease.remaining > 0) break;   // who costs less may have it: ask for him
    } else {
      break;   // came after the asking
    }
  }
  uint64_t parked = 0;
  for (Waiting* one = lease.first; one != nullptr; one = one->next) parked += one->cost;
  if (parked == 0 && mode_ == LeaseMode::exact) lease.tokens = {};   // of those who went away
  if (parked == 0 || ask(lease, parked, lease.first->cost)) return;
  while (lease.first != nullptr) tell(lease, Outcome::away);
}

void LeaseBook::give_back(const Hash128& key, uint64_t cost) {
  auto found = leases_.find(key);
  if (found == leases_.end() || clock_ == nullptr) return;
  for (Tokens& some : found->second->tokens) {   // with the life of others: it is not known when it was given
    if (some.expires <= now()) continue;
    some.count += cost;
    return;
  }
}

// From what the store said last: how long until there is one more, and then the others at the even rate.
Duration LeaseBook::retry_after(const Lease& lease, uint64_t cost) const {
  Duration next = lease.empty_until > now() ? lease.empty_until - now() : Duration::zero();
  uint64_t there = lease.remaining > 0 ? lease.remaining : 1;
  if (cost <= there) return next;
  if (rule_.kind != LimitKind::gcra) return std::max(lease.whole_at - now(), Duration::zero());
  return next + static_cast<Duration::rep>(cost - there) * rule_.emission;
}

// Of windows it is known only while there is nothing left; otherwise: when all is back.
Duration LeaseBook::more_after(const Lease& lease, Duration whole) const {
  if (rule_.kind == LimitKind::gcra) return std::min(rule_.emission, whole);
  return lease.empty_until > now() ? std::min(lease.empty_until - now(), whole) : whole;
}

Standing LeaseBook::standing(const Lease& lease, Outcome outcome, uint64_t cost) const {
  Standing out{.allowed = outcome == Outcome::allowed};
  uint64_t there = lease.count(now()) + (lease.whole_at > now() ? lease.remaining : rule_.most);
  out.remaining = out.allowed ? std::min(there, rule_.most) : 0;
  if (!out.allowed) out.retry = retry_after(lease, cost);
  out.whole = lease.whole_at > now() ? lease.whole_at - now() : Duration::zero();
  out.more = more_after(lease, out.whole);
  return out;
}

}  // namespace sluice::policy
