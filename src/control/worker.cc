#include "control/worker.h"

#include <pthread.h>

#include <utility>

#include "base/log.h"
#include "control/process_limits.h"
#include "upstream/multiplexed.h"

namespace sluice::control {

Worker::Worker(unsigned index, Process& process, Owner& owner, uint64_t random_seed)
    : index_(index), process_(&process), shard_(&process.worker_shard(index)), owner_(&owner),
      memory_(process.load.memory), loop_(&memory_), mailbox_(loop_), tls_io_(loop_), resolver_(loop_),
      random_(random_seed), redis_(loop_, tls_io_, resolver_, random_, *shard_, index_),
      fetcher_(loop_, tls_io_, resolver_), reach_{mailbox_, process.offload, fetcher_},
      engine_({loop_.scheduler(), loop_.timers(), loop_.clock(), loop_.blocks(), random_, *shard_, &process.pipes, index_,
               &reach_}) {
  loop_.set_name("worker " + std::to_string(index_));
  shared_.loop = &loop_;
  shared_.tls_io = &tls_io_;
  shared_.handler = &engine_;
  shared_.shard = shard_;
  shared_.load = &process.load;
  shared_.worker = index_;
}

Worker::~Worker() { stop(); }

void Worker::start() { thread_ = std::thread([this] { run(); }); }

void Worker::run() {
  pthread_setname_np(pthread_self(), ("worker " + std::to_string(index_)).c_str());
  housekeeping_.start(loop_.timers(), loop_.clock().now() + kHousekeeping, *this);
  loop_.run();
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  mailbox_.post_work([this] { do_stop(); });
  thread_.join();
}

void Worker::publish(Publication publication) {
  mailbox_.post_work([this, publication = std::move(publication)] { do_publish(publication); });
}

void Worker::set_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) {
  mailbox_.post_work([this, upstream, list = std::move(list)] {
    if (leases_.empty()) return;
    const snapshot::UpstreamPart& part = *leases_.back()->snapshot->upstreams[upstream];
    pools_.at({part.name, part.fingerprint}).pool->set_endpoints(list);
  });
}

void Worker::wake(std::shared_ptr<policy::RemoteKeys> keys) {
  mailbox_.post_work([this, keys = std::move(keys)] { keys->wake(index_); });
}

void Worker::drain() {
  mailbox_.post_work([this] { do_drain(); });
}

void Worker::ping() {
  mailbox_.post_work([this] { owner_->on_worker_alive(); });
}

void Worker::look(std::shared_ptr<Survey> survey) {
  mailbox_.post_work([this, survey = std::move(survey)]() mutable {
    proxy::InFlightReport report;
    engine_.look(survey->query(), report);
    Survey::answer(std::move(survey), std::move(report));
  });
}

void Worker::do_publish(const Publication& publication) {
  auto lease = std::make_unique<snapshot::Lease>();
  lease->snapshot = publication.snapshot;
  for (size_t i = 0; i < publication.snapshot->upstreams.size(); ++i) {
    upstream::PooledUpstream& pool = pool_for(publication, i);
    pool.serve();
    pool.set_endpoints(publication.endpoints[i]);
    lease->upstreams.push_back(&pool);
  }
  redis_.serve(*publication.snapshot, publication.workers);
  set_access_log(publication.access_log);
  set_audit_log(publication.audit_log);
  take_limits(*publication.snapshot);
  fetcher_.keep().close();   // what was opened under the settings before
  fetcher_.keep().limit(draining_ ? 0 : kept_connections_max(publication.workers));
  engine_.publish(*lease);
  leases_.push_back(std::move(lease));
  if (!draining_) listen(publication);
  forget_old_leases();
  owner_->on_worker_published(index_, publication.number);
}

upstream::PooledUpstream& Worker::pool_for(const Publication& publication, size_t upstream) {
  const auto& part = publication.snapshot->upstreams[upstream];
  Pool& entry = pools_[{part->name, part->fingerprint}];
  if (entry.pool) return *entry.pool;
  upstream::PoolParts parts{loop_, tls_io_, *shard_, random_};
  upstream::PoolSettings settings{part->name, part->config, part->tls, part->metric.id(), publication.workers,
                                  publication.in_flight[upstream]};
  entry.part = part;
  if (part->config.protocol == upstream::Protocol::h1) {
    entry.pool = std::make_unique<upstream::PooledUpstream>(parts, std::move(settings));
  } else {
    entry.pool = std::make_unique<upstream::MultiplexedUpstream>(parts, std::move(settings));
  }
  return *entry.pool;
}

// What acceptors ask on every connection: a new snapshot's numbers hold at once, the counts go on.
void Worker::take_limits(const snapshot::Snapshot& snapshot) {
  shared_.trusted_proxies = &snapshot.trusted_proxies;
  shared_.connections_max = connections_max(snapshot.config.server);
  loop_.reserve_descriptors(descriptor_reserve());
}

// An address that stays keeps its acceptor, and so its connections and what waits in its queue.
void Worker::listen(const Publication& publication) {
  const snapshot::Snapshot& snapshot = *publication.snapshot;
  std::map<std::string, std::unique_ptr<server::Acceptor>> before = std::exchange(acceptors_, {});
  for (size_t i = 0; i < snapshot.listeners.size(); ++i) {
    const snapshot::ListenerPart& part = *snapshot.listeners[i];
    std::string address = part.settings->address.to_string();
    auto& acceptor = acceptors_[address];
    if (auto known = before.find(address); known != before.end()) {
      acceptor = std::move(known->second);
      acceptor->update(part.settings);
    } else {
      acceptor = std::make_unique<server::Acceptor>(shared_, part.settings);
    }
    if (Result<void> listening = acceptor->listen(publication.sockets[i]); !listening) {
      LOG(error, "listener not started", kv("listener", part.name), kv("error", listening.error().what));
    }
  }
  for (auto& [address, acceptor] : before) {
    if (acceptor) leave_address(std::move(acceptor));
  }
}

void Worker::leave_address(std::unique_ptr<server::Acceptor> acceptor) {
  acceptor->stop_listening();
  acceptor->drain({});
  leaving_.push_back(std::move(acceptor));
}

// Between two requests' lines: nothing is lost, and what the old log holds is handed over.
void Worker::set_access_log(std::shared_ptr<const observe::AccessLogTarget> target) {
  if (access_log_ && target.get() == &access_log_->target()) return;
  engine_.set_access_log(nullptr);
  access_log_.reset();
  if (target == nullptr) return;
  access_log_.emplace(std::move(target));
  engine_.set_access_log(&*access_log_);
}

void Worker::set_audit_log(std::shared_ptr<const observe::AuditLogTarget> target) {
  if (audit_log_ && target.get() == &audit_log_->target()) return;
  engine_.set_audit_log(nullptr);
  audit_log_.reset();
  if (target == nullptr) return;
  audit_log_.emplace(std::move(target));
  engine_.set_audit_log(&*audit_log_);
}

// An old lease goes when its last exchange has ended; a pool when no lease names it.
void Worker::forget_old_leases() {
  for (size_t i = 0; i + 1 < leases_.size();) {
    if (leases_[i]->exchanges > 0) { ++i; continue; }
    leases_.erase(leases_.begin() + static_cast<ptrdiff_t>(i));
  }
  for (auto entry = pools_.begin(); entry != pools_.end();) {
    upstream::PooledUpstream& pool = *entry->second.pool;
    bool named = false;
    for (const auto& lease : leases_) {
      for (const upstream::Upstream* used : lease->upstreams) named |= used == &pool;
    }
    if (!named) pool.drain();
    entry = !named && pool.connections() == 0 ? pools_.erase(entry) : std::next(entry);
  }
  redis_.forget_unused(leases_);
  std::erase_if(leaving_, [](const auto& acceptor) { return acceptor->connections() == 0; });
}

size_t Worker::connections() const {
  size_t sum = 0;
  for (const auto& [address, acceptor] : acceptors_) sum += acceptor->connections();
  for (const auto& acceptor : leaving_) sum += acceptor->connections();
  return sum;
}

void Worker::do_drain() {
  draining_ = true;
  Duration over = leases_.empty() ? Duration{} : Duration{leases_.back()->snapshot->config.server.drain_timeout};
  for (auto& [address, acceptor] : acceptors_) {
    acceptor->stop_listening();
    acceptor->drain(over);
  }
  engine_.drain(over);
  fetcher_.keep().drain();
  housekeeping_.start(loop_.timers(), loop_.clock().now() + kDrainCheck, *this);
}

void Worker::do_stop() {
  for (auto& [address, acceptor] : acceptors_) acceptor->abort();
  for (auto& acceptor : leaving_) acceptor->abort();
  for (auto& [key, entry] : pools_) entry.pool->abort();
  redis_.stop();
  fetcher_.stop();
  resolver_.stop();
  housekeeping_.stop();
  if (access_log_) access_log_->flush();
  if (audit_log_) audit_log_->flush();
  mailbox_.close();
  loop_.stop();
}

// One worker speaks for the process, and not each time that the number crosses the limit.
void Worker::log_memory(TimePoint now) {
  bool recent = memory_logged_at_ != TimePoint{} && now - memory_logged_at_ < server::kRefusalLogEvery;
  if (index_ != 0 || recent) return;
  memory_logged_at_ = now;
  const SharedMemory& memory = process_->load.memory;
  LOG(warn, "memory_max is reached: new requests get 503", kv("bytes", memory.used()), kv("memory_max", memory.limit()));
}

// Memory is short: what nobody uses goes back, and after a while the slowest clients go.
void Worker::mind_memory() {
  process_->load.memory.judge();
  if (!memory_.full()) {
    full_since_ = kNever;
    return;
  }
  LoopTurn turn(loop_);
  loop_.blocks().trim();
  TimePoint now = loop_.clock().now();
  if (full_since_ == kNever) {
    full_since_ = now;
    log_memory(now);
  }
  if (now - full_since_ < kSlow) return;
  for (auto& [address, acceptor] : acceptors_) acceptor->shed(kSlow);
  for (auto& acceptor : leaving_) acceptor->shed(kSlow);
}

void Worker::on_timer(Timer&) {
  mind_memory();
  if (access_log_) access_log_->flush();
  if (audit_log_) audit_log_->flush();
  shard_->loop_stalls.set(loop_.stalls().value());
  forget_old_leases();
  if (draining_ && !drained_) {
    drained_ = connections() == 0;
    if (drained_) owner_->on_worker_drained(index_);
  }
  Duration again = draining_ ? kDrainCheck : kHousekeeping;
  housekeeping_.start(loop_.timers(), loop_.clock().now() + again, *this);
}

}  // namespace sluice::control
