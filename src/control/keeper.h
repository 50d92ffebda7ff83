// Does once per process what must not be done once per worker: names, signals, draining, publication. Runs on
// the main thread's loop, where the admin listener lives too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/process.h"
#include "control/supervisor.h"
#include "loop/mailbox.h"
#include "loop/signals.h"
#include "net/resolver.h"
#include "upstream/discovery.h"

namespace sluice::control {

class Keeper final : public upstream::Discovery::Publisher,
                     public Worker::Owner,
                     public Signals::Owner,
                     public Timer::Owner {
 public:
  enum class State : uint8_t { starting, serving, leaving, draining, done };

  Keeper(Process& process, std::shared_ptr<const snapshot::Snapshot> snapshot, unsigned workers);
  Keeper(const Keeper&) = delete;
  ~Keeper();

  /// Binds what the snapshot listens on. errors: see Supervisor::bind
  Result<void, std::vector<std::string>> prepare();
  /// Serves until a signal ends it. gives: the exit code
  int run();

  Loop& loop() { return loop_; }
  State state() const { return state_; }
  const snapshot::Snapshot& snapshot() const { return *snapshot_; }
  Process& process() const { return *process_; }

 private:
  /// Names are given this long at the start before requests are let in.
  static constexpr Duration kSettle = std::chrono::seconds(2);
  static constexpr Duration kSettleCheck = std::chrono::milliseconds(10);

  void publish_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) override;
  void on_worker_listening(unsigned index) override;
  void on_worker_drained(unsigned index) override;
  void on_signal(int number) override;
  void on_timer(Timer& timer) override;
  void begin_serving();
  void leave();
  void begin_draining();
  void close_unused_sockets();
  void finish(const char* why);
  void enter(State state, Duration patience);

  Process* process_;
  std::shared_ptr<const snapshot::Snapshot> snapshot_;
  Loop loop_;
  Mailbox mailbox_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<upstream::Discovery> discovery_;
  std::vector<std::shared_ptr<const upstream::EndpointList>> endpoints_;   // the latest, by upstream
  std::vector<std::shared_ptr<SharedCount>> in_flight_;                    // by upstream; null without a limit
  Supervisor supervisor_;
  Signals signals_;
  Timer timer_;
  TimePoint settle_until_{};
  unsigned listening_ = 0;   // workers that accept
  unsigned drained_ = 0;     // workers without a connection
  State state_ = State::starting;
};

}  // namespace sluice::control
