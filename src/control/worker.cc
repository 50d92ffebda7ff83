#include "control/worker.h"

#include <pthread.h>

#include "base/log.h"

namespace sluice::control {

Worker::Worker(unsigned index, Process& process, Owner& owner, uint64_t random_seed)
    : index_(index), process_(&process), owner_(&owner), mailbox_(loop_), tls_io_(loop_), random_(random_seed),
      engine_({loop_.scheduler(), loop_.timers(), loop_.clock(), loop_.blocks(), random_, process.registry.shard(index)}) {
  if (process.access_log) {
    access_log_.emplace(*process.access_log, observe::AccessLogOptions{.query = process.access_log_query});
    engine_.set_access_log(&*access_log_);
  }
  shared_.loop = &loop_;
  shared_.tls_io = &tls_io_;
  shared_.handler = &engine_;
  shared_.shard = &process.registry.shard(index);
  shared_.connections = &process.connections;
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

void Worker::listen(std::vector<const net::ListenSocket*> sockets) {
  mailbox_.post_work([this, sockets = std::move(sockets)] { do_listen(sockets); });
}

void Worker::set_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) {
  mailbox_.post_work([this, upstream, list = std::move(list)] {
    if (leases_.empty()) return;
    const snapshot::UpstreamPart& part = *leases_.back()->snapshot->upstreams[upstream];
    pools_.at({part.name, part.fingerprint})->set_endpoints(*list);
  });
}

void Worker::drain() {
  mailbox_.post_work([this] { do_drain(); });
}

void Worker::do_publish(const Publication& publication) {
  auto lease = std::make_unique<snapshot::Lease>();
  lease->snapshot = publication.snapshot;
  upstream::PoolParts parts{loop_, tls_io_, process_->registry.shard(index_), random_};
  for (size_t i = 0; i < publication.snapshot->upstreams.size(); ++i) {
    const snapshot::UpstreamPart& part = *publication.snapshot->upstreams[i];
    auto& pool = pools_[{part.name, part.fingerprint}];
    if (!pool) {
      upstream::PoolSettings settings{part.name, part.config, part.tls, part.metric.id(), publication.workers, publication.in_flight[i]};
      pool = std::make_unique<upstream::PooledUpstream>(parts, std::move(settings));
    }
    pool->set_endpoints(*publication.endpoints[i]);
    lease->upstreams.push_back(pool.get());
  }
  engine_.publish(*lease);
  leases_.push_back(std::move(lease));
  forget_old_leases();
}

// An old lease goes when its last exchange has ended; a pool when no lease names it.
void Worker::forget_old_leases() {
  for (size_t i = 0; i + 1 < leases_.size();) {
    if (leases_[i]->exchanges > 0) { ++i; continue; }
    leases_.erase(leases_.begin() + static_cast<ptrdiff_t>(i));
  }
  for (auto pool = pools_.begin(); pool != pools_.end();) {
    bool named = false;
    for (const auto& lease : leases_) {
      for (const upstream::Upstream* used : lease->upstreams) named |= used == pool->second.get();
    }
    if (!named) pool->second->drain();
    pool = !named && pool->second->connections() == 0 ? pools_.erase(pool) : std::next(pool);
  }
}

void Worker::do_listen(const std::vector<const net::ListenSocket*>& sockets) {
  const snapshot::Snapshot& snapshot = *leases_.back()->snapshot;
  shared_.trusted_proxies = &snapshot.trusted_proxies;
  shared_.connections_max = snapshot.config.server.connections_max;
  for (size_t i = 0; i < sockets.size(); ++i) {
    acceptors_.push_back(std::make_unique<server::Acceptor>(shared_, snapshot.listeners[i]->settings));
    Result<void> listening = acceptors_.back()->listen(*sockets[i]);
    if (!listening) {
      LOG(error, "listener not started", kv("listener", snapshot.listeners[i]->name), kv("error", listening.error().what));
    }
  }
  owner_->on_worker_listening(index_);
}

void Worker::do_drain() {
  draining_ = true;
  for (auto& acceptor : acceptors_) {
    acceptor->stop_listening();
    acceptor->drain();
  }
  housekeeping_.start(loop_.timers(), loop_.clock().now() + kDrainCheck, *this);
}

void Worker::do_stop() {
  for (auto& acceptor : acceptors_) acceptor->abort();
  for (auto& [key, pool] : pools_) pool->abort();
  housekeeping_.stop();
  if (access_log_) access_log_->flush();
  mailbox_.close();
  loop_.stop();
}

void Worker::on_timer(Timer&) {
  if (access_log_) access_log_->flush();
  process_->registry.shard(index_).loop_stalls.set(loop_.stalls().value());
  forget_old_leases();
  if (draining_ && !drained_) {
    size_t connections = 0;
    for (auto& acceptor : acceptors_) connections += acceptor->connections();
    drained_ = connections == 0;
    if (drained_) owner_->on_worker_drained(index_);
  }
  Duration again = draining_ ? kDrainCheck : kHousekeeping;
  housekeeping_.start(loop_.timers(), loop_.clock().now() + again, *this);
}

}  // namespace sluice::control
