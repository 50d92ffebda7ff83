// One thread that serves: its loop, connections, pools and exchanges. Other threads reach it through its mailbox.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/process.h"
#include "control/redis_clients.h"
#include "control/survey.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "net/lazy_resolver.h"
#include "net/listener.h"
#include "net/tls_io.h"
#include "policy/reach.h"
#include "proxy/engine.h"
#include "server/acceptor.h"
#include "snapshot/lease.h"
#include "upstream/pool.h"

namespace sluice::control {

class Worker final : private Timer::Owner {
 public:
  /// Told on the worker's thread.
  class Owner {
   public:
    /// It serves this publication and looks at no socket of an earlier one any more.
    virtual void on_worker_published(unsigned index, uint64_t publication) = 0;
    /// Draining, and no connection is left.
    virtual void on_worker_drained(unsigned index) = 0;
    /// The answer to ping().
    virtual void on_worker_alive() = 0;
   protected:
    ~Owner() = default;
  };

  Worker(unsigned index, Process& process, Owner& owner, uint64_t random_seed);
  Worker(const Worker&) = delete;
  ~Worker();

  void start();
  /// Ends the loop, aborting what is left, and the thread.
  void stop();

  // From other threads: letters.

  /// What a worker serves from now on. `endpoints` by Snapshot::upstreams; `in_flight` the process's counts, alike.
  struct Publication {
    uint64_t number = 0;
    std::shared_ptr<const snapshot::Snapshot> snapshot;
    std::vector<std::shared_ptr<const upstream::EndpointList>> endpoints;
    std::vector<std::shared_ptr<SharedCount>> in_flight;
    std::shared_ptr<const observe::AccessLogTarget> access_log;   // null: none
    std::shared_ptr<const observe::AuditLogTarget> audit_log;     // null: none
    unsigned workers = 1;
    /// This worker's, by Snapshot::listeners; open until it has acknowledged a later publication.
    std::vector<std::vector<const net::ListenSocket*>> sockets;
  };
  void publish(Publication publication);
  void set_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list);
  /// Those who wait for these keys ask once more.
  void wake(std::shared_ptr<policy::RemoteKeys> keys);
  void drain();
  void ping();
  /// Answers it; ends what it wants ended.
  void look(std::shared_ptr<Survey> survey);

 private:
  static constexpr Duration kHousekeeping = std::chrono::seconds(1);   // logs are at most this late
  static constexpr Duration kDrainCheck = std::chrono::milliseconds(20);
  static constexpr Duration kSlow = std::chrono::seconds(5);   // while memory is short, a client this slow is let go

  /// A pool outlives the snapshots that do not change it: kept by name and fingerprint.
  struct PoolKey {
    std::string name;
    uint64_t fingerprint;
    auto operator<=>(const PoolKey&) const = default;
  };
  struct Pool {
    std::shared_ptr<const snapshot::UpstreamPart> part;   // its metric id stays in use
    std::unique_ptr<upstream::PooledUpstream> pool;
  };

  void run();
  void do_publish(const Publication& publication);
  upstream::PooledUpstream& pool_for(const Publication& publication, size_t upstream);
  void listen(const Publication& publication);
  void leave_address(std::unique_ptr<server::Acceptor> acceptor);
  void do_drain();
  size_t connections() const;
  void do_stop();
  void take_limits(const snapshot::Snapshot& snapshot);
  void mind_memory();
  void log_memory(TimePoint now);
  void on_timer(Timer& timer) override;
  void forget_old_leases();
  void set_access_log(std::shared_ptr<const observe::AccessLogTarget> target);
  void set_audit_log(std::shared_ptr<const observe::AuditLogTarget> target);

  unsigned index_;
  Process* process_;
  observe::Shard* shard_;
  Owner* owner_;
  MemoryShare memory_;
  Loop loop_;
  Mailbox mailbox_;
  net::TlsIo tls_io_;
  net::LazyResolver resolver_;
  Random random_;
  RedisClients redis_;
  upstream::Fetcher fetcher_;
  policy::Reach reach_;
  std::optional<observe::AccessLog> access_log_;
  std::optional<observe::AuditLog> audit_log_;
  std::map<PoolKey, Pool> pools_;
  std::vector<std::unique_ptr<snapshot::Lease>> leases_;   // the last one is in force
  proxy::Engine engine_;
  server::AcceptorShared shared_;
  std::map<std::string, std::unique_ptr<server::Acceptor>> acceptors_;   // by address
  std::vector<std::unique_ptr<server::Acceptor>> leaving_;   // no longer listened on, until the last connection ends
  Timer housekeeping_;
  TimePoint full_since_ = kNever;      // memory has been short
  TimePoint memory_logged_at_{};
  bool draining_ = false;
  bool drained_ = false;
  std::thread thread_;
};

}  // namespace sluice::control
