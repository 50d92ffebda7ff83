#include "control/keeper.h"

#include <csignal>

#include "base/log.h"

namespace sluice::control {

Keeper::Keeper(Process& process, std::shared_ptr<const snapshot::Snapshot> snapshot, unsigned workers)
    : process_(&process), snapshot_(std::move(snapshot)), mailbox_(loop_), supervisor_(process, *this, workers),
      signals_(loop_, *this) {}

Keeper::~Keeper() { mailbox_.close(); }

Result<void, std::vector<std::string>> Keeper::prepare() {
  auto resolver = net::Resolver::make(loop_, {});
  if (!resolver) return std::vector<std::string>{std::string("resolver: ") + resolver.error().what};
  resolver_ = *std::move(resolver);
  return supervisor_.bind(*snapshot_);
}

int Keeper::run() {
  endpoints_.resize(snapshot_->upstreams.size());
  discovery_ = std::make_unique<upstream::Discovery>(loop_, *resolver_, process_->registry, *this);
  {
    LoopTurn turn(loop_);
    for (uint32_t i = 0; i < snapshot_->upstreams.size(); ++i) {
      const snapshot::UpstreamPart& part = *snapshot_->upstreams[i];
      in_flight_.push_back(part.config.max_in_flight ? std::make_shared<SharedCount>() : nullptr);
      discovery_->watch(i, part.name, part.config);
    }
  }
  settle_until_ = loop_.clock().now() + kSettle;
  if (discovery_->settled()) {
    begin_serving();
  } else {
    enter(State::starting, kSettleCheck);
  }
  loop_.run();
  discovery_.reset();
  resolver_.reset();
  return 0;
}

void Keeper::enter(State state, Duration patience) {
  state_ = state;
  timer_.start(loop_.timers(), loop_.clock().now() + patience, *this);
}

void Keeper::begin_serving() {
  Worker::Publication publication{snapshot_, endpoints_, in_flight_, static_cast<unsigned>(supervisor_.workers().size())};
  for (auto& worker : supervisor_.workers()) worker->publish(publication);
  supervisor_.start();
  supervisor_.listen();
  state_ = State::serving;
  for (const auto& listener : snapshot_->listeners) {
    LOG(info, "listening", kv("listener", listener->name), kv("address", listener->settings->address.to_string()));
  }
  LOG(info, "serving", kv("workers", supervisor_.workers().size()), kv("routes", snapshot_->routes.size()),
      kv("upstreams", snapshot_->upstreams.size()), kv("version", SLUICE_VERSION));
}

void Keeper::publish_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) {
  endpoints_[upstream] = list;
  if (state_ == State::starting) return;   // begin_serving publishes them all
  for (auto& worker : supervisor_.workers()) worker->set_endpoints(upstream, list);
}

void Keeper::on_signal(int number) {
  switch (number) {
    case SIGUSR1:
      process_->logs.reopen();
      LOG(info, "log files reopened");
      return;
    case SIGHUP:
      LOG(warn, "SIGHUP ignored: this version cannot reload; restart to apply a changed configuration");
      return;
    default: break;
  }
  switch (state_) {
    case State::starting: return finish("stopped before serving");
    case State::serving: return leave();
    case State::leaving: case State::draining: return finish("second signal: not waiting any longer");
    case State::done: return;
  }
}

// Readiness fails first, so that load balancers look away before anything is refused.
void Keeper::leave() {
  Duration delay = snapshot_->config.server.drain_delay;
  LOG(info, "leaving", kv("drain_delay_ms", delay.count() / 1'000'000));
  if (delay == Duration::zero()) return begin_draining();
  enter(State::leaving, delay);
}

void Keeper::begin_draining() {
  LOG(info, "draining", kv("connections", process_->connections.value()));
  enter(State::draining, snapshot_->config.server.drain_timeout);
  close_unused_sockets();
  for (auto& worker : supervisor_.workers()) worker->drain();
}

// A signal may come before every worker has made its duplicates: the last of them ends it then.
void Keeper::close_unused_sockets() {
  bool unused = listening_ == supervisor_.workers().size();
  if (unused && state_ == State::draining) supervisor_.close_sockets();
}

void Keeper::on_worker_listening(unsigned) {   // on the worker's thread
  mailbox_.post_work([this] {
    ++listening_;
    close_unused_sockets();
  });
}

void Keeper::on_worker_drained(unsigned) {   // on the worker's thread
  mailbox_.post_work([this] {
    if (++drained_ == supervisor_.workers().size() && state_ == State::draining) finish("drained");
  });
}

void Keeper::on_timer(Timer&) {
  switch (state_) {
    case State::starting:
      if (discovery_->settled() || loop_.clock().now() >= settle_until_) return begin_serving();
      return enter(State::starting, kSettleCheck);
    case State::leaving: return begin_draining();
    case State::draining: return finish("drain_timeout passed");
    case State::serving: case State::done: return;
  }
}

void Keeper::finish(const char* why) {
  state_ = State::done;
  timer_.stop();
  supervisor_.stop();
  LOG(info, "stopped", kv("reason", why));
  loop_.stop();
}

}  // namespace sluice::control
