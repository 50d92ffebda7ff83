#include "upstream/pool.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "net/tcp.h"
#include "upstream/least_loaded.h"
#include "upstream/pool_link.h"
#include "upstream/round_robin.h"

namespace sluice::upstream {
namespace {

// Responses come from our own side: room for large cookies and policies, still bounded.
http::H1Limits response_limits() {
  http::H1Limits limits;
  limits.line_bytes_max = 16 * 1024;
  limits.header_bytes_max = 128 * 1024;
  limits.headers_max = 256;
  return limits;
}

std::unique_ptr<Picker> make_picker(Balance balance) {
  if (balance == Balance::round_robin) return std::make_unique<RoundRobin>();
  return std::make_unique<LeastLoaded>();
}

}  // namespace

PooledUpstream::PooledUpstream(const PoolParts& parts, PoolSettings settings)
    : parts_(parts), settings_(std::move(settings)), limits_(response_limits()),
      picker_(make_picker(settings_.config.balance)),
      keep_max_(std::max(1U, settings_.config.keep.max / std::max(1U, settings_.workers))) {
  slab_.count_in(parts_.loop.blocks().share());
  timeouts_.idle = settings_.config.keep.idle;
  timeouts_.write = settings_.config.timeout.body;
}

PooledUpstream::~PooledUpstream() {
  abort();
  CHECK(links_ == 0);
}

void PooledUpstream::set_endpoints(const std::shared_ptr<const EndpointList>& list) {
  LoopTurn turn(parts_.loop);
  std::vector<std::unique_ptr<Site>> sites;
  std::vector<EndpointState> states;
  for (const EndpointTarget& target : list->targets) {
    auto same = [&](const std::unique_ptr<Site>& site) { return site && site->target_ == target; };
    auto index = static_cast<uint32_t>(sites.size());
    // Mostly the list differs by who is down, and each is where it was.
    auto old = sites_.begin() + std::min(index, static_cast<uint32_t>(sites_.size()));
    if (old == sites_.end() || !same(*old)) old = std::find_if(sites_.begin(), sites_.end(), same);
    if (old != sites_.end()) {
      states.push_back(states_[(*old)->index_]);
      (*old)->index_ = index;
      (*old)->list_ = list;
      sites.push_back(std::move(*old));
      continue;
    }
    EndpointState state;
    state.weight = target.weight;
    state.owed = static_cast<int64_t>(parts_.random.below(target.weight + 1));
    states.push_back(state);
    sites.push_back(std::make_unique<Site>(list, target, index));
    parts_.shard.endpoint(target.metrics_id).up.set(1);
  }
  for (auto& gone : sites_) {
    if (!gone) continue;
    gone->retired_ = true;
    gone->idle_.each([](PoolLink& link) { link.connection_.drain(); });
    retired_.push_back(std::move(gone));
  }
  sites_ = std::move(sites);
  states_ = std::move(states);
  for (const auto& site : sites_) set_down(*site, list->is_down(site->index_));
  unresolved_ = list->unresolved && sites_.empty();
  remove_retired();
}

void PooledUpstream::remove_retired() {
  std::erase_if(retired_, [](const std::unique_ptr<Site>& site) { return site->in_flight_ == 0 && site->links_ == 0; });
}

uint32_t PooledUpstream::choose(const Tried& tried, TimePoint at) {
  std::array<uint32_t, Tried::kMax> indices;
  size_t count = 0;
  if (tried.size() > 0) {
    for (const auto& site : sites_) {
      if (tried.has(*site) && count < indices.size()) indices[count++] = site->index_;
    }
  }
  return picker_->pick(states_, {indices.data(), count}, at);
}

Endpoint* PooledUpstream::pick(const Tried& tried) {
  if (settings_.in_flight && !settings_.in_flight->take(*settings_.config.max_in_flight)) {
    lack_ = Lack::busy;
    return nullptr;
  }
  uint32_t index = choose(tried, now());
  // With every endpoint set aside, trying one beats refusing.
  if (index == Picker::kNobody) index = choose(tried, kSetAsideToo);
  if (index == Picker::kNobody) {
    if (settings_.in_flight) settings_.in_flight->give();
    lack_ = what_lacks();
    return nullptr;
  }
  metrics().in_flight.add();
  return &count_at(index);
}

Endpoint& PooledUpstream::count_at(uint32_t index) {
  ++states_[index].in_flight;
  ++sites_[index]->in_flight_;
  return *sites_[index];
}

Endpoint* PooledUpstream::move(Endpoint& from, const Tried& tried) {
  uint32_t index = choose(tried, now());
  if (index == Picker::kNobody) return nullptr;
  leave(static_cast<Site&>(from), Outcome::served);
  return &count_at(index);
}

void PooledUpstream::release(Endpoint& endpoint, Outcome outcome) {
  metrics().in_flight.sub();
  if (settings_.in_flight) settings_.in_flight->give();
  leave(static_cast<Site&>(endpoint), outcome);
}

void PooledUpstream::leave(Site& site, Outcome outcome) {
  --site.in_flight_;
  if (site.retired_) return remove_retired();
  EndpointState& state = states_[site.index_];
  --state.in_flight;
  if (outcome == Outcome::unreachable) set_aside(site);
}

Lack PooledUpstream::what_lacks() const {
  if (unresolved_) return Lack::unresolved;
  bool all_down = std::all_of(states_.begin(), states_.end(), [](const EndpointState& state) { return state.is_down(); });
  return all_down && !states_.empty() ? Lack::unhealthy : Lack::down;
}

// What health checks say. Kept connections to a server that is down would only be found dead one by one.
void PooledUpstream::set_down(Site& site, bool down) {
  EndpointState& state = states_[site.index_];
  if (state.is_down() == down) return;
  state.down_until = down ? kNever : TimePoint{};
  parts_.shard.endpoint(site.target_.metrics_id).up.set(down ? 0 : 1);
  if (down) site.idle_.each([](PoolLink& link) { link.connection_.drain(); });
}

void PooledUpstream::set_aside(Site& site) {
  if (states_[site.index_].is_down()) return;
  states_[site.index_].down_until = now() + kSetAside;
  parts_.shard.endpoint(site.target_.metrics_id).up.set(0);
  if (!site.down_) LOG(warn, "endpoint set aside", kv("upstream", settings_.name), kv("endpoint", site.name()),
        kv("reason", site.failure_));
  site.down_ = true;
}

http::Stream* PooledUpstream::open(Endpoint& endpoint, Reuse reuse, Opening& opening) {
  Site& site = static_cast<Site&>(endpoint);
  if (PoolLink* link = take_idle(site, reuse)) {
    metrics().streams_reused.add();
    return &link->codec_.open(opening.stream_events());
  }
  connect(site, opening);
  return nullptr;
}

PooledUpstream::PoolLink* PooledUpstream::take_idle(Site& site, Reuse reuse) {
  while (reuse != Reuse::never && !site.idle_.empty()) {
    PoolLink& link = site.idle_.front();
    Duration idle_for = now() - link.idle_since_;
    if (reuse == Reuse::recent && idle_for > kRecent) return nullptr;
    leave_idle(link);
    if (!link.connection_.ending() && idle_for < link.codec_.idle_patience() &&
        link.tls_generation_ == tls_generation()) {
      return &link;
    }
    // About to be closed by the other side (its Keep-Alive says so), or opened with certificates that
    // have been replaced since.
    link.connection_.drain();
  }
  return nullptr;
}

void PooledUpstream::leave_idle(PoolLink& link) {
  link.unlink();
  link.idle_ = false;
  --idle_count_;
  metrics().connections_idle.sub();
  metrics().connections_active.add();
  link.site_->busy_.push_back(link);
}

PooledUpstream::PoolLink* PooledUpstream::make_link(Site& site) { return slab_.make(*this, site); }

void PooledUpstream::destroy_link(PoolLink& link) { slab_.destroy(&link); }

void PooledUpstream::connect(Site& site, Opening& opening) {
  metrics().connects.add();
  PoolLink* link = make_link(site);
  ++links_;
  if (MemoryShare* share = parts_.loop.blocks().share()) share->take(link_bytes());
  link->opening_ = &opening;
  link->tls_generation_ = tls_generation();   // before the context is taken: it may be older, never newer
  ++site.links_;
  site.busy_.push_back(*link);
  metrics().connections_active.add();
  Result<net::TransportPtr> transport =
      settings_.tls ? net::connect_tls(parts_.tls_io,
                                       {site.target_.address, settings_.tls->current(), site.target_.server_name}, link->connection_)
                    : net::connect_socket(parts_.loop, site.target_.address, link->connection_);
  if (!transport) {   // told by timer, never inside open()
    link->connect_error_ = transport.error();
    link->timer_.start(parts_.loop.timers(), now(), *link);
    return;
  }
  link->connection_.start_connecting(*std::move(transport));
  link->timer_.start(parts_.loop.timers(), now() + settings_.config.timeout.connect, *link);
}

// The server can be talked to.
void PooledUpstream::PoolLink::reached() {
  timer_.stop();
  site_->down_ = false;
  if (site_->retired_ || pool_->states_[site_->index_].is_down()) return;
  pool_->parts_.shard.endpoint(site_->target_.metrics_id).up.set(1);
}

void PooledUpstream::PoolLink::on_open() {
  reached();
  Opening* opening = std::exchange(opening_, nullptr);
  if (opening == nullptr) return connection_.finish(http::Finish::abort);   // nobody waits any more
  pool_->metrics().streams_new.add();
  opening->on_opened(codec_.open(opening->stream_events()));
}

void PooledUpstream::PoolLink::on_open_failed(Error why) {
  timer_.stop();
  why.side = Side::upstream;
  why.progress = Progress::unsent;
  pool_->metrics().connect_failure(why.code).add();
  site_->failure_ = why.what;
  if (Opening* opening = std::exchange(opening_, nullptr)) opening->on_open_failed(why);
}

void PooledUpstream::PoolLink::on_timer(Timer&) {
  if (idle_) return connection_.drain();   // before the other side closes it, as its Keep-Alive announced
  if (!waited_for()) return;
  Error late{Code::connect_timeout, Side::upstream, Progress::unsent, "no connection in time"};
  on_open_failed(connect_error_ ? connect_error_ : late);
  connection_.finish(http::Finish::abort);
}

void PooledUpstream::cancel(Opening& opening) {
  for (auto* list : {&sites_, &retired_}) {
    for (auto& site : *list) {
      PoolLink* found = nullptr;
      site->busy_.each([&](PoolLink& link) { if (link.opening_ == &opening) found = &link; });
      if (found == nullptr) continue;
      found->opening_ = nullptr;
      found->timer_.stop();
      return found->connection_.finish(http::Finish::abort);
    }
  }
}

void PooledUpstream::on_idle(PoolLink& link) {
  Site& site = *link.site_;
  link.unlink();
  metrics().connections_active.sub();
  metrics().connections_idle.add();
  link.idle_ = true;
  link.idle_since_ = now();
  site.idle_.push_front(link);
  ++idle_count_;
  if (draining_ || site.retired_) return link.connection_.drain();
  if (Duration patience = link.codec_.idle_patience(); patience < settings_.config.keep.idle) {
    link.timer_.start(parts_.loop.timers(), now() + patience, link);
  }
  if (idle_count_ <= keep_max_) return;
  PoolLink& oldest = site.idle_.back();
  leave_idle(oldest);
  oldest.connection_.drain();
}

void PooledUpstream::on_link_gone(PoolLink& link) {
  Site& site = *link.site_;
  link.unlink();
  if (link.idle_) {
    --idle_count_;
    metrics().connections_idle.sub();
  } else {
    metrics().connections_active.sub();
  }
  --site.links_;
  destroy_link(link);
  --links_;
  if (MemoryShare* share = parts_.loop.blocks().share()) share->give(link_bytes());
  if (site.retired_) remove_retired();
}

void PooledUpstream::drain() {
  draining_ = true;
  for (auto& site : sites_) site->idle_.each([](PoolLink& link) { link.connection_.drain(); });
}

void PooledUpstream::abort() {
  LoopTurn turn(parts_.loop);
  draining_ = true;
  Error why{Code::cancelled, Side::gateway, Progress::unsent, "shutting down"};
  for (auto* list : {&sites_, &retired_}) {
    for (auto& site : *list) {
      for (auto* links : {&site->idle_, &site->busy_}) {
        links->each([&](PoolLink& link) {
          link.connection_.fail(why);
          // One that only flushes has no ear for failures.
          link.connection_.finish(http::Finish::abort);
        });
      }
    }
  }
}

}  // namespace sluice::upstream
