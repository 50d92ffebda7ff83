// Does once per process what must not be done once per worker: names, signals, reload, draining, publication. Runs on
// the main thread's loop, where the admin listener lives too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/certificate_watch.h"
#include "control/file_watch.h"
#include "control/graveyard.h"
#include "control/key_refresh.h"
#include "control/process.h"
#include "control/reload.h"
#include "control/spare_memory.h"
#include "control/supervisor.h"
#include "control/survey.h"
#include "control/systemd.h"
#include "control/upstreams.h"
#include "loop/mailbox.h"
#include "loop/signals.h"
#include "net/resolver.h"

namespace sluice::control {

/// How the last reload went, for metrics and /status.
struct ReloadFacts {
  static constexpr size_t kFaultsBytesMax = 16 * 1024;   // of /status; the error log has them all
  bool success = true;
  WallTime at{};          // of the last attempt
  WallTime applied_at{};  // when what is in force came into force
  uint64_t applied = 0;
  uint64_t unchanged = 0;
  uint64_t refused = 0;
  std::string faults;     // of the last one, a line each; empty when it succeeded
};

class Keeper final : public Upstreams::Owner,
                     public Worker::Owner,
                     public Reload::Owner,
                     public KeyRefresh::Owner,
                     public Signals::Owner,
                     public Timer::Owner {
 public:
  enum class State : uint8_t { starting, serving, leaving, draining, done };

  /// `file`: what is read again at a reload
  Keeper(Process& process, std::string file);
  Keeper(const Keeper&) = delete;
  ~Keeper();

  /// Takes part in every change of the configuration from the first on. needs: before prepare()
  void add_participant(Participant& participant) { participants_.push_back(&participant); }
  /// Binds what the first snapshot listens on. errors: what cannot be bound or opened, one line each
  Result<void, std::vector<std::string>> prepare(std::shared_ptr<const snapshot::Snapshot> first);
  /// Serves until a signal ends it. gives: the exit code
  int run();

  /// Reads the file again. `waiter` hears how it went; null: nobody asks.
  void reload(Reload::Waiter* waiter);

  /// Asks all workers.
  void survey(proxy::InFlightQuery query, Survey::Waiter& waiter);
  /// What is in flight by route; as it was a moment ago, when somebody else has just asked.
  void count_in_flight(Survey::Waiter& waiter);

  Loop& loop() { return loop_; }
  const Loop& loop() const { return loop_; }
  State state() const { return state_; }
  const snapshot::Snapshot& snapshot() const { return *snapshot_; }
  const ReloadFacts& reloads() const { return reloads_; }
  const std::string& file() const { return file_; }
  unsigned workers() const { return supervisor_.serving(); }
  const CertificateWatch& certificates() const { return certificates_; }
  observe::KeyFacts keys() const { return keys_ ? keys_->facts() : observe::KeyFacts(); }
  observe::HealthFacts health() const { return upstreams_ ? upstreams_->health() : observe::HealthFacts(); }
  Process& process() const { return *process_; }
  /// Where an upstream's servers are, by Snapshot::upstreams. gives: null until its names were looked up
  std::shared_ptr<const upstream::EndpointList> endpoints(size_t upstream) const { return upstreams_->current(upstream); }

 private:
  static constexpr Duration kSweepEvery = std::chrono::seconds(1);
  static constexpr Duration kCountEvery = std::chrono::seconds(1);   // each worker looks at all it has

  void on_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) override;
  void on_worker_published(unsigned index, uint64_t publication) override;
  void on_worker_drained(unsigned index) override;
  void on_worker_alive() override;
  void on_reload_begun() override;
  bool on_unchanged() override;
  void on_published(std::shared_ptr<const snapshot::Snapshot> snapshot) override;
  void on_reload_ended(const ReloadReport& report) override;
  void on_signal(int number) override;
  void on_timer(Timer& timer) override;
  void on_keys_settled(std::shared_ptr<policy::RemoteKeys> keys) override;
  void on_change(Change change) override;
  void watch_files();
  void watch_keys();
  void sweep();
  void watch_workers();
  void leave();
  void begin_draining();
  void close_unused_sockets();
  void finish(const char* why);
  void audit(observe::ControlRecord record);
  void enter(State state, Duration patience);

  Process* process_;
  std::string file_;
  std::shared_ptr<const snapshot::Snapshot> snapshot_;   // in force
  Loop loop_;
  Mailbox mailbox_;
  std::unique_ptr<net::Resolver> resolver_;
  std::vector<Participant*> participants_;
  Graveyard graveyard_;
  SpareMemory spare_memory_;
  std::unique_ptr<Upstreams> upstreams_;
  Supervisor supervisor_;
  std::unique_ptr<Reload> reload_;
  Signals signals_;
  CertificateWatch certificates_{loop_, *this};
  FileWatch files_{*this};
  std::shared_ptr<Survey> count_;   // the last one
  std::unique_ptr<KeyRefresh> keys_;   // null before prepare() and after run()
  Timer timer_;
  Timer sweep_timer_;
  Timer watchdog_timer_;
  Notifier notifier_{Notifier::environment()};
  size_t pinged_ = 0;      // workers that have not answered the last ping
  ReloadFacts reloads_;
  size_t drained_ = 0;     // workers without a connection
  State state_ = State::starting;
};

}  // namespace sluice::control
