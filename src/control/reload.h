// A new configuration on its way to the workers: load, build, prepare, settle, publish, retire. All or nothing: until
// it is published, any error leaves everything as it was. Reading the file is done by a thread of its own, the rest
// on the keeper's; the workers only take the finished snapshot. The first configuration takes the same way, from
// prepare on.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/list.h"
#include "control/graveyard.h"
#include "control/supervisor.h"
#include "control/upstreams.h"
#include "loop/mailbox.h"

namespace sluice::control {

enum class ReloadResult : uint8_t { applied, unchanged, refused };

struct ReloadReport {
  ReloadResult result = ReloadResult::refused;
  std::string text;   // for a person: what was applied, or everything that is wrong
};

/// Takes part in a change of the configuration beside the workers (logs, the admin listener).
class Participant {
 public:
  /// Opens what `next` needs, changing nothing. errors: one line each; nothing is left open then
  virtual Result<void, std::vector<std::string>> prepare(const snapshot::Snapshot& next) = 0;
  /// What was prepared is given up.
  virtual void abandon() = 0;
  /// What was prepared is in force. `publication` may be added to.
  virtual void commit(Worker::Publication& publication) = 0;
  /// Now and then: lets go of what has ended since.
  virtual void sweep() {}

 protected:
  ~Participant() = default;
};

class Reload final : private Timer::Owner {
 public:
  /// Somebody who asked. May be destroyed before the answer.
  class Waiter : public ListHook<class ReloadWaiterTag> {
   public:
    virtual void on_reloaded(const ReloadReport& report) = 0;
   protected:
    ~Waiter() = default;
    void stop_waiting() { unlink(); }
  };

  struct Parts {
    Loop& loop;
    Mailbox& mailbox;
    Process& process;
    Supervisor& supervisor;
    Upstreams& upstreams;
    Graveyard& graveyard;
  };
  class Owner {
   public:
    /// The file is being read.
    virtual void on_reload_begun() = 0;
    /// The file says what is in force: the contents of the files that it names are to be read again.
    /// gives: whether a secret is another one now
    virtual bool on_unchanged() = 0;
    /// `snapshot` is in force from now on; workers have been told.
    virtual void on_published(std::shared_ptr<const snapshot::Snapshot> snapshot) = 0;
    /// The end of every reload, and of the first publication.
    virtual void on_reload_ended(const ReloadReport& report) = 0;
   protected:
    ~Owner() = default;
  };

  Reload(const Parts& parts, Owner& owner, std::string file) : parts_(parts), owner_(&owner), file_(std::move(file)) {}
  Reload(const Reload&) = delete;
  ~Reload();

  void add_participant(Participant& participant) { participants_.push_back(&participant); }

  /// The first configuration. errors: what cannot be bound or opened
  Result<void, std::vector<std::string>> prepare_first(std::shared_ptr<const snapshot::Snapshot> first);
  /// Publishes it once its names are resolved, or have been waited for.
  void start_first() { begin_settling(); }

  /// Reads the file again. What is asked for while a reload runs is answered by the one after it.
  void request(Waiter* waiter);
  void on_worker_published(uint64_t publication);
  /// The process ends: nothing is published any more.
  void cancel();
  bool running() const { return step_ != Step::idle; }

 private:
  enum class Step : uint8_t { idle, loading, settling, publishing, reporting };
  using Snapshot = std::shared_ptr<const snapshot::Snapshot>;

  /// Names are given this long before requests are let in.
  static constexpr Duration kSettle = std::chrono::seconds(2);
  static constexpr Duration kSettleCheck = std::chrono::milliseconds(10);

  void load();
  void read_file();
  void on_loaded(snapshot::LoadedConfig loaded);
  void keep_current();
  Result<void, std::vector<std::string>> prepare();
  void abandon();
  void begin_settling();
  void on_timer(Timer& timer) override;
  void publish();
  void finish(ReloadResult result, std::string text);

  Parts parts_;
  Owner* owner_;
  std::string file_;
  std::vector<Participant*> participants_;
  std::thread loader_;
  Step step_ = Step::idle;
  Snapshot current_;
  Snapshot next_;
  uint64_t publications_ = 0;
  size_t acknowledged_ = 0;
  TimePoint settle_until_{};
  std::chrono::steady_clock::time_point began_{};
  Timer timer_;
  bool again_ = false;
  bool cancelled_ = false;
  std::string notes_;                          // warnings of the file that is being applied
  List<Waiter, ReloadWaiterTag> waiting_;      // for the reload that runs
  List<Waiter, ReloadWaiterTag> later_;        // for the one after it
};

}  // namespace sluice::control
