#include "control/keeper.h"

#include <csignal>

#include "base/log.h"
#include "base/text.h"
#include "snapshot/auth_parts.h"
#include "snapshot/files_hash.h"
#include "snapshot/redis_parts.h"

namespace sluice::control {

Keeper::Keeper(Process& process, std::string file)
    : process_(&process), file_(std::move(file)), mailbox_(loop_), supervisor_(process, *this), signals_(loop_, *this) {
  loop_.set_name("keeper");
}

Keeper::~Keeper() {
  reload_.reset();   // its thread posts letters
  mailbox_.close();
}

Result<void, std::vector<std::string>> Keeper::prepare(std::shared_ptr<const snapshot::Snapshot> first) {
  auto resolver = net::Resolver::make(loop_, {});
  if (!resolver) return std::vector<std::string>{std::string("resolver: ") + resolver.error().what};
  resolver_ = *std::move(resolver);
  keys_ = std::make_unique<KeyRefresh>(loop_, mailbox_, *resolver_, *this);
  snapshot_ = first;
  upstreams_ = std::make_unique<Upstreams>(Upstreams::Parts{loop_, mailbox_, *resolver_, process_->registry}, *this, random_seed());
  Reload::Parts parts{loop_, mailbox_, *process_, supervisor_, *upstreams_, graveyard_};
  reload_ = std::make_unique<Reload>(parts, *this, file_);
  for (Participant* participant : participants_) reload_->add_participant(*participant);
  return reload_->prepare_first(std::move(first));
}

int Keeper::run() {
  {
    LoopTurn turn(loop_);
    reload_->start_first();
    sweep();
    watch_workers();
  }
  loop_.run();
  sweep_timer_.stop();
  watchdog_timer_.stop();
  reload_.reset();
  upstreams_.reset();
  keys_.reset();
  resolver_.reset();
  return 0;
}

void Keeper::enter(State state, Duration patience) {
  state_ = state;
  timer_.start(loop_.timers(), loop_.clock().now() + patience, *this);
}

void Keeper::reload(Reload::Waiter* waiter) {
  bool stopping = state_ != State::starting && state_ != State::serving;
  if (!stopping) return reload_->request(waiter);
  if (waiter) waiter->on_reloaded({ReloadResult::refused, "error: sluice is stopping\n"});
}

void Keeper::survey(proxy::InFlightQuery query, Survey::Waiter& waiter) {
  auto survey = std::make_shared<Survey>(loop_, mailbox_, std::move(query));
  survey->ask(supervisor_.workers());
  survey->join(waiter);
}

void Keeper::count_in_flight(Survey::Waiter& waiter) {
  if (count_ == nullptr || !count_->is_younger_than(kCountEvery)) {
    count_ = std::make_shared<Survey>(loop_, mailbox_, proxy::InFlightQuery());
    count_->ask(supervisor_.workers());
  }
  count_->join(waiter);
}

void Keeper::watch_files() {
  std::vector<std::shared_ptr<policy::LiveFiles>> files;
  for (const auto& part : snapshot_->auth) {
    if (part->files) files.push_back(part->files);
  }
  for (const auto& part : snapshot_->ip_lists) {
    if (part->files) files.push_back(part->files);
  }
  files_.watch(std::move(files));
}

void Keeper::watch_keys() {
  std::vector<std::shared_ptr<policy::RemoteKeys>> keys;
  for (const auto& part : snapshot_->auth) {
    if (part->remote_keys) keys.push_back(part->remote_keys);
  }
  keys_->watch(std::move(keys));
}

void Keeper::on_keys_settled(std::shared_ptr<policy::RemoteKeys> keys) {
  for (auto& worker : supervisor_.workers()) worker->wake(keys);
}

void Keeper::on_reload_begun() {
  LOG(info, "reloading", kv("file", file_));
  notifier_.reloading();
}

bool Keeper::on_unchanged() {
  certificates_.watch(*snapshot_);
  keys_->fetch_all();
  bool logins = snapshot::renew_logins(*snapshot_);
  return snapshot::renew_auth_logins(*snapshot_) || logins;
}

void Keeper::on_published(std::shared_ptr<const snapshot::Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  certificates_.watch(*snapshot_);
  watch_files();
  watch_keys();
  snapshot::renew_logins(*snapshot_);
  snapshot::renew_auth_logins(*snapshot_);
  reloads_.applied_at = loop_.clock().wall();
  if (state_ != State::starting) return;
  state_ = State::serving;
  for (const auto& listener : snapshot_->listeners) {
    LOG(info, "listening", kv("listener", listener->name), kv("address", listener->settings->address.to_string()));
  }
  LOG(info, "serving", kv("workers", supervisor_.serving()), kv("routes", snapshot_->routes.size()),
      kv("upstreams", snapshot_->upstreams.size()), kv("config_hash", hex_text(snapshot_->hash)),
      kv("files_hash", hex_text(snapshot::files_hash(*snapshot_))), kv("version", SLUICE_VERSION));
}

// Nothing that is not in the error log too; but nobody removes it from here unseen.
void Keeper::audit(observe::ControlRecord record) {
  std::string hash = hex_text(snapshot_->hash);
  record.config_hash = hash;
  process_->logs.control(record, loop_.clock().wall());
}

void Keeper::on_change(Change change) {   // on any thread
  mailbox_.post_work([this, change = std::move(change)] {
    std::string_view outcome = change.outcome == Change::Outcome::applied ? "applied" : "refused";
    audit({.action = change.action, .outcome = outcome, .target = change.target, .detail = change.detail});
  });
}

void Keeper::on_reload_ended(const ReloadReport& report) {
  constexpr std::string_view kOutcomes[] = {"applied", "unchanged", "refused"};
  bool start = reloads_.applied + reloads_.unchanged + reloads_.refused == 0;
  std::string_view detail = report.text;
  if (detail.ends_with('\n')) detail.remove_suffix(1);
  audit({.action = start ? "start" : "reload", .outcome = kOutcomes[static_cast<size_t>(report.result)], .detail = detail});
  reloads_.at = loop_.clock().wall();
  reloads_.success = report.result != ReloadResult::refused;
  reloads_.faults = reloads_.success ? "" : report.text.substr(0, ReloadFacts::kFaultsBytesMax);
  if (report.result == ReloadResult::unchanged) process_->logs.reopen();   // as an applied one does
  std::string status = reloads_.success ? "serving " : "the last reload was refused; serving ";
  notifier_.ready(status + std::to_string(snapshot_->routes.size()) + " routes with " +
                  std::to_string(supervisor_.serving()) + " workers");
  switch (report.result) {
    case ReloadResult::applied: ++reloads_.applied; break;
    case ReloadResult::unchanged: ++reloads_.unchanged; break;
    case ReloadResult::refused: ++reloads_.refused; return;   // Reload has said why
  }
  std::string_view result = report.result == ReloadResult::applied ? "applied" : "unchanged";
  if (reloads_.applied + reloads_.unchanged == 1) return;   // the start
  LOG(info, "reloaded", kv("result", result), kv("config_hash", hex_text(snapshot_->hash)),
      kv("files_hash", hex_text(snapshot::files_hash(*snapshot_))), kv("workers", supervisor_.serving()), kv("routes", snapshot_->routes.size()),
      kv("upstreams", snapshot_->upstreams.size()));
}

void Keeper::on_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) {
  for (auto& worker : supervisor_.workers()) worker->set_endpoints(upstream, list);
}

void Keeper::on_signal(int number) {
  switch (number) {
    case SIGUSR1:
      audit({.action = "logs_reopened", .by = "SIGUSR1"});
      process_->logs.reopen();
      LOG(info, "log files reopened");
      return;
    case SIGHUP:
      audit({.action = "reload_asked", .by = "SIGHUP"});
      return reload(nullptr);
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
  notifier_.stopping("draining");
  reload_->cancel();
  if (delay == Duration::zero()) return begin_draining();
  enter(State::leaving, delay);
}

void Keeper::begin_draining() {
  LOG(info, "draining", kv("connections", process_->load.connections.value()));
  enter(State::draining, snapshot_->config.server.drain_timeout);
  close_unused_sockets();
  for (auto& worker : supervisor_.workers()) worker->drain();
}

// A signal may come before every worker has made its duplicates: the last of them ends it then.
void Keeper::close_unused_sockets() {
  if (!reload_->running() && state_ == State::draining) supervisor_.close_sockets();
}

void Keeper::on_worker_published(unsigned, uint64_t publication) {   // on the worker's thread
  mailbox_.post_work([this, publication] {
    if (reload_ == nullptr) return;
    reload_->on_worker_published(publication);
    close_unused_sockets();
  });
}

void Keeper::on_worker_drained(unsigned) {   // on the worker's thread
  mailbox_.post_work([this] {
    if (++drained_ == supervisor_.workers().size() && state_ == State::draining) finish("drained");
  });
}

void Keeper::on_worker_alive() {   // on the worker's thread
  mailbox_.post_work([this] { --pinged_; });
}

// The service manager hears of us only while every worker's loop turns.
void Keeper::watch_workers() {
  Duration every = notifier_.watchdog_interval();
  if (every == Duration::zero()) return;
  watchdog_timer_.start(loop_.timers(), loop_.clock().now() + every, *this);
  if (pinged_ > 0) return;
  notifier_.watchdog();
  pinged_ = supervisor_.workers().size();
  for (auto& worker : supervisor_.workers()) worker->ping();
}

void Keeper::on_timer(Timer& timer) {
  if (&timer == &watchdog_timer_) return watch_workers();
  if (&timer == &sweep_timer_) return sweep();
  switch (state_) {
    case State::leaving: return begin_draining();
    case State::draining: return finish("drain_timeout passed");
    case State::starting: case State::serving: case State::done: return;
  }
}

void Keeper::sweep() {
  graveyard_.sweep();
  upstreams_->sweep();
  for (Participant* participant : participants_) participant->sweep();
  if (spare_memory_.look(process_->load.memory.used(), loop_.clock().now())) give_memory_back();
  sweep_timer_.start(loop_.timers(), loop_.clock().now() + kSweepEvery, *this);
}

void Keeper::finish(const char* why) {
  state_ = State::done;
  timer_.stop();
  sweep_timer_.stop();
  watchdog_timer_.stop();
  notifier_.stopping(why);
  reload_->cancel();
  certificates_.stop();
  files_.stop();
  process_->logs.stop_blocking();
  supervisor_.stop();
  audit({.action = "stop", .detail = why});
  LOG(info, "stopped", kv("reason", why));
  loop_.stop();
}

}  // namespace sluice::control
