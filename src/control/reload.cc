#include "control/reload.h"

#include <sys/resource.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "control/process_limits.h"
#include "snapshot/build.h"
#include "snapshot/files_hash.h"

namespace sluice::control {
namespace {

std::string lines(const std::vector<std::string>& faults) {
  std::string text;
  for (const std::string& fault : faults) text += "error: " + fault + "\n";
  return text;
}

std::string hashes_of(const snapshot::Snapshot& snapshot) {
  return "configuration " + hex_text(snapshot.hash) + " (files " +
         hex_text(snapshot::files_hash(snapshot)) + ")";
}

// The log holds one event a line: each line of the report becomes one.
void log_refusal(std::string_view text) {
  LOG(error, "reload refused: the configuration in force stays");
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) LOG(error, "reload refused", kv("report", text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// A worker's core is the worker's: reading ten thousand routes must not hold up its requests.
void yield_to_workers() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10); }

}  // namespace

Reload::~Reload() {
  if (loader_.joinable()) loader_.join();
}

Result<void, std::vector<std::string>> Reload::prepare_first(Snapshot first) {
  next_ = std::move(first);
  return prepare();
}

void Reload::request(Waiter* waiter) {
  if (running() || current_ == nullptr) {
    again_ = true;
    if (waiter) later_.push_back(*waiter);
    return;
  }
  if (waiter) waiting_.push_back(*waiter);
  load();
}

void Reload::load() {
  step_ = Step::loading;
  began_ = std::chrono::steady_clock::now();
  owner_->on_reload_begun();
  try {
    loader_ = std::thread([this] { read_file(); });
  } catch (const std::system_error& error) {   // no more threads for this service
    finish(ReloadResult::refused, std::string("error: cannot start a thread: ") + error.what() + "\n");
  }
}

void Reload::read_file() {   // on the loader's thread
  yield_to_workers();
  snapshot::LoadOptions options;
  options.asker = snapshot::Asker::service;
  auto loaded = std::make_shared<snapshot::LoadedConfig>(snapshot::load_config(file_, options));
  parts_.mailbox.post_work([this, loaded] { on_loaded(std::move(*loaded)); });
}

void Reload::on_loaded(snapshot::LoadedConfig loaded) {
  loader_.join();
  if (cancelled_) return finish(ReloadResult::refused, "error: sluice is stopping\n");
  notes_ = loaded.issues_text();
  if (loaded.has_errors()) return finish(ReloadResult::refused, std::exchange(notes_, {}));
  if (loaded.config.hash == current_->hash) return keep_current();
  auto built = snapshot::build(std::move(loaded.config), current_.get(), parts_.process.registry);
  if (!built) return finish(ReloadResult::refused, notes_ + lines(built.error()));
  next_ = *std::move(built);
  if (auto prepared = prepare(); !prepared) return finish(ReloadResult::refused, notes_ + lines(prepared.error()));
  begin_settling();
}

// The file says what it said before; the files that it names may have new contents all the same.
void Reload::keep_current() {
  uint64_t before = snapshot::files_hash(*current_);
  bool secrets = owner_->on_unchanged();
  std::string text = "unchanged: " + hashes_of(*current_) + " stays in force";
  if (snapshot::files_hash(*current_) != before) text += ", with new contents of its files";
  if (secrets) text += ", with new secrets";
  finish(ReloadResult::unchanged, text + ", from " + file_ + "\n");
}

Result<void, std::vector<std::string>> Reload::prepare() {
  std::vector<std::string> faults;
  auto add = [&](Result<void, std::vector<std::string>> result) {
    if (!result) faults.insert(faults.end(), result.error().begin(), result.error().end());
    return bool(result);
  };
  bool bound = add(parts_.supervisor.prepare(*next_));
  std::vector<Participant*> prepared;
  for (Participant* participant : participants_) {
    if (add(participant->prepare(*next_))) prepared.push_back(participant);
  }
  if (!faults.empty()) {
    if (bound) parts_.supervisor.abandon();
    for (Participant* participant : prepared) participant->abandon();
    next_.reset();
    return faults;
  }
  LoopTurn turn(parts_.loop);
  parts_.upstreams.prepare(*next_);
  return {};
}

void Reload::abandon() {
  parts_.supervisor.abandon();
  for (Participant* participant : participants_) participant->abandon();
  parts_.upstreams.abandon();
  next_.reset();
}

void Reload::begin_settling() {
  step_ = Step::settling;
  settle_until_ = parts_.loop.clock().now() + kSettle;
  if (parts_.upstreams.settled()) return publish();
  timer_.start(parts_.loop.timers(), parts_.loop.clock().now() + kSettleCheck, *this);
}

void Reload::on_timer(Timer&) {
  if (parts_.upstreams.settled() || parts_.loop.clock().now() >= settle_until_) return publish();
  timer_.start(parts_.loop.timers(), parts_.loop.clock().now() + kSettleCheck, *this);
}

void Reload::publish() {
  step_ = Step::publishing;
  acknowledged_ = 0;
  Worker::Publication publication;
  publication.number = ++publications_;
  publication.snapshot = next_;
  parts_.upstreams.commit(*next_);
  publication.endpoints = parts_.upstreams.endpoints();
  publication.in_flight = parts_.upstreams.in_flight();
  for (Participant* participant : participants_) participant->commit(publication);
  apply_limits(parts_.process, *publication.snapshot);
  parts_.supervisor.publish(publication);
  if (current_) parts_.graveyard.bury(std::move(current_));
  current_ = std::exchange(next_, nullptr);
  owner_->on_published(current_);
}

void Reload::on_worker_published(uint64_t publication) {
  if (step_ != Step::publishing || publication != publications_) return;
  if (++acknowledged_ < parts_.supervisor.workers().size()) return;
  parts_.supervisor.retire();
  parts_.graveyard.sweep();
  auto took = std::chrono::steady_clock::now() - began_;
  std::string text = "applied: " + hashes_of(*current_);
  if (publications_ > 1) {
    text += " in " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) + " ms";
  }
  finish(ReloadResult::applied, std::exchange(notes_, {}) + text + ", from " + file_ + "\n");
}

void Reload::cancel() {
  cancelled_ = true;
  timer_.stop();
  if (step_ != Step::settling) return;
  abandon();
  step_ = Step::idle;
  if (current_) finish(ReloadResult::refused, "error: sluice is stopping\n");   // else the start was given up
}

void Reload::finish(ReloadResult result, std::string text) {
  step_ = Step::reporting;   // who asks again while being answered waits for the next one
  ReloadReport report{result, std::move(text)};
  if (result == ReloadResult::refused) log_refusal(report.text);
  notes_.clear();
  owner_->on_reload_ended(report);
  while (!waiting_.empty()) waiting_.pop_front().on_reloaded(report);
  step_ = Step::idle;
  waiting_.splice_back(later_);
  if (!std::exchange(again_, false)) return;
  if (!cancelled_) return load();
  report = {ReloadResult::refused, "error: sluice is stopping\n"};
  while (!waiting_.empty()) waiting_.pop_front().on_reloaded(report);
}

}  // namespace sluice::control
