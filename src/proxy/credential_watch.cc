#include "proxy/credential_watch.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/list.h"
#include "proxy/tunnel.h"

namespace sluice::proxy {

using policy::AcceptedCredential;
using policy::Authenticator;

namespace {

struct ByNames {
  bool operator()(const AcceptedCredential& a, const AcceptedCredential& b) const {
    return std::tie(a.name, a.subject, a.handle) < std::tie(b.name, b.subject, b.handle);
  }
};

}  // namespace

/// A socket's part in a credential.
struct CredentialWatch::Hold final : policy::Tenure, sluice::ListHook<struct HoldTag> {
  Hold(Watched& of, Tunnel& by) : watched(&of), tunnel(&by) {}
  ~Hold() override;
  Watched* watched;
  Tunnel* tunnel;
};

/// One credential.
struct CredentialWatch::Watched final : policy::Waiter {
  enum class State : uint8_t { rests, asked, answered };

  Watched(CredentialWatch& watch, Source& in, const AcceptedCredential& of)
      : home(&watch), source(&in), text(of.name), token(std::string(of.token)) {
    text.append(of.subject).append(of.handle);
    std::string_view all = text;
    size_t named = of.name.size() + of.subject.size();
    credential = {all.substr(0, of.name.size()), all.substr(of.name.size(), of.subject.size()), all.substr(named), token.bytes()};
  }
  void on_verdict(const policy::Verdict&) override;

  CredentialWatch* home;
  Source* source;
  std::string text;
  crypto::Secret token;
  AcceptedCredential credential;   // views of those
  List<Hold, struct HoldTag> holds;
  TimePoint since{};               // older answers do not count
  TimePoint due{};                 // its place in its source's order
  policy::ResumeDesk::Ticket ticket;
  State state = State::rests;
};

/// What one authenticator has accepted.
struct CredentialWatch::Source {
  using Order = std::set<std::pair<TimePoint, Watched*>>;   // by Watched::due

  void place(Watched& watched, Watched::State state, TimePoint due) {
    if (watched.state != Watched::State::rests) --open;
    if (state != Watched::State::rests) ++open;
    watched.state = state;
    watched.due = due;
    (state == Watched::State::asked ? asked : ready).emplace(due, &watched);
  }
  void take(Watched& watched) {
    (watched.state == Watched::State::asked ? asked : ready).erase({watched.due, &watched});
  }

  std::string_view name;   // in sources_
  std::map<AcceptedCredential, std::unique_ptr<Watched>, ByNames> known;   // keys are views of the Watched
  Order ready;             // answered ones first; of others the time when their turn comes
  Order asked;             // the time when no answer comes any more
  size_t open = 0;         // asked and answered ones
  bool in_doubt = false;   // the last one had no answer: one at a time is asked about until somebody answers
};

CredentialWatch::Hold::~Hold() {
  unlink();
  if (watched->holds.empty()) watched->home->forget(*watched);
}

void CredentialWatch::Watched::on_verdict(const policy::Verdict&) {
  source->take(*this);
  source->place(*this, State::answered, TimePoint{});
  home->ready();
}

CredentialWatch::CredentialWatch(Engine& engine) : Task(engine.parts().scheduler), engine_(&engine) {}

CredentialWatch::~CredentialWatch() { CHECK(sources_.empty()); }

const Authenticator* CredentialWatch::find(std::string_view authenticator) const {
  const auto& all = engine_->lease().snapshot->auth;
  auto found = std::ranges::find_if(all, [&](const auto& part) { return part->name == authenticator; });
  return found != all.end() ? (*found)->authenticator.get() : nullptr;
}

std::unique_ptr<policy::Tenure> CredentialWatch::watch(Tunnel& tunnel, std::string_view authenticator,
                                                       const AcceptedCredential& credential) {
  const Engine::Parts& parts = engine_->parts();
  const Authenticator* by = find(authenticator);
  if (by == nullptr || by->rechecks_max(parts.worker) == 0) return nullptr;
  auto& [name, source] = *sources_.try_emplace(std::string(authenticator)).first;
  if (!source) source = std::make_unique<Source>();
  source->name = name;
  auto known = source->known.find(credential);
  if (known == source->known.end()) {
    auto made = std::make_unique<Watched>(*this, *source, credential);
    AcceptedCredential key = made->credential;
    known = source->known.emplace(key, std::move(made)).first;
    source->place(*known->second, Watched::State::rests, parts.clock.now() + kRecheckEvery);
  }
  auto hold = std::make_unique<Hold>(*known->second, tunnel);
  known->second->holds.push_back(*hold);
  if (!timer_.active()) timer_.start(parts.timers, parts.clock.now() + kRecheckLook, *this);
  return hold;
}

void CredentialWatch::forget(Watched& watched) {
  Source& source = *watched.source;
  if (watched.state == Watched::State::asked) engine_->desk().cancel(watched.ticket);
  source.take(watched);
  if (watched.state != Watched::State::rests) --source.open;
  source.known.erase(source.known.find(watched.credential));   // destroys it
  if (source.known.empty()) sources_.erase(sources_.find(source.name));
}

void CredentialWatch::on_timer(Timer&) {
  looks_ = true;
  ready();
}

Next CredentialWatch::advance() {
  bool looks = std::exchange(looks_, false);
  for (auto& [name, source] : sources_) {
    const Authenticator* authenticator = find(name);
    if (looks) give_up(*source);
    look(*source, authenticator, looks ? budget(*source, authenticator) : 0);
  }
  const Engine::Parts& parts = engine_->parts();
  if (looks && !sources_.empty()) timer_.start(parts.timers, parts.clock.now() + kRecheckLook, *this);
  return Next::wait;
}

// Of a question whose client has gone nobody says any more that it has no answer.
void CredentialWatch::give_up(Source& source) {
  TimePoint now = engine_->parts().clock.now();
  while (!source.asked.empty() && source.asked.begin()->first <= now) {
    Watched& watched = *source.asked.begin()->second;
    engine_->desk().cancel(watched.ticket);
    source.take(watched);
    source.place(watched, Watched::State::rests, now + kRecheckEvery);
    source.in_doubt = true;
  }
}

size_t CredentialWatch::budget(const Source& source, const Authenticator* authenticator) const {
  size_t most = authenticator != nullptr ? authenticator->rechecks_max(engine_->parts().worker) : 0;
  if (source.in_doubt) most = std::min<size_t>(most, 1);
  return most > source.open ? most - source.open : 0;
}

void CredentialWatch::look(Source& source, const Authenticator* authenticator, size_t budget) {
  TimePoint now = engine_->parts().clock.now();
  while (!source.ready.empty() && source.ready.begin()->first <= now) {
    Watched& watched = *source.ready.begin()->second;
    if (watched.state == Watched::State::rests) {
      if (budget-- == 0) return;
      watched.since = now - kRecheckLook;
    }
    source.take(watched);
    recheck(watched, authenticator);
  }
}

void CredentialWatch::recheck(Watched& watched, const Authenticator* authenticator) {
  using enum Authenticator::Finding;
  const Engine::Parts& parts = engine_->parts();
  TimePoint now = parts.clock.now();
  Arena arena(parts.blocks);
  policy::Call call = call_of(watched, arena);
  auto outcome = authenticator ? authenticator->recheck(call, watched.credential, watched.since)
                               : Authenticator::Outcome::accepted();
  Source& source = *watched.source;
  if (outcome.finding == waiting) {
    watched.ticket = call.ticket_;
    return source.place(watched, Watched::State::asked, outcome.deadline);
  }
  source.in_doubt = outcome.finding == refused && !policy::is_clients_fault(*outcome.problem);
  if (outcome.finding == refused && !source.in_doubt)
    watched.holds.each([&](Hold& hold) { hold.tunnel->end_at(now, observe::TunnelEnd::revoked); });
  bool later = outcome.finding == accepted && outcome.deadline != kNever;
  source.place(watched, Watched::State::rests, std::max(now + kRecheckEvery, later ? outcome.deadline : now));
}

policy::Call CredentialWatch::call_of(Watched& watched, Arena& arena) {
  const Engine::Parts& parts = engine_->parts();
  policy::Call call;
  call.arena_ = &arena;
  call.clock_ = &parts.clock;
  call.random_ = &parts.random;
  call.desk_ = &engine_->desk();
  call.waiter_ = &watched;
  call.worker_ = parts.worker;
  call.shard_ = &parts.shard;
  call.reach_ = parts.reach;
  return call;
}

}  // namespace sluice::proxy
