// Owns the listening sockets and the workers. Sockets are bound before anything is published, one per worker and
// address, so that the kernel spreads connections; they stay open over reloads and whatever the number of workers. A
// second instance on the same address is refused.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/worker.h"
#include "net/listener.h"
#include "snapshot/snapshot.h"

namespace sluice::control {

class Supervisor {
 public:
  Supervisor(Process& process, Worker::Owner& owner) : process_(&process), owner_(&owner) {}

  /// Binds what `next` listens on and is not bound yet. What is in force is not touched.
  /// errors: every address that cannot be bound, with the reason; nothing is bound then
  Result<void, std::vector<std::string>> prepare(const snapshot::Snapshot& next);
  /// Gives up what was prepared.
  void abandon() { prepared_.clear(); }
  /// Hands what was prepared to all workers; `publication` lacks only its sockets. Workers are added when more are
  /// wanted; those that are too many accept no more, and their connections end in their own time.
  void publish(const Worker::Publication& publication);
  /// Every worker has acknowledged: lets go of sockets that nobody listens on any more.
  void retire();

  /// Lets go of all listening sockets. What waits in their queues belongs to the workers' duplicates, which
  /// accept it when they drain.
  /// needs: every worker has acknowledged
  void close_sockets() { sockets_.clear(); }
  void stop();

  /// All that run, also those that accept no more.
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }
  /// Those that accept.
  unsigned serving() const { return serving_; }

 private:
  using Sockets = std::vector<std::unique_ptr<net::ListenSocket>>;   // one per worker; of a unix path just one
  struct Bound {
    net::SocketAddress address;
    Sockets sockets;
  };
  using Addresses = std::map<std::string, Bound>;

  Result<void> bind(Bound& bound, unsigned workers);
  bool room_for_workers(size_t listeners) const;
  bool own_port(const net::SocketAddress& address) const;
  std::vector<const net::ListenSocket*> share_of(unsigned worker, const Bound& bound) const;

  Process* process_;
  Worker::Owner* owner_;
  Addresses sockets_;
  Addresses prepared_;               // of the snapshot that is to come: only what is not in sockets_
  unsigned prepared_workers_ = 0;
  unsigned serving_ = 0;
  std::vector<std::string> in_force_;   // addresses listened on
  std::vector<std::unique_ptr<Worker>> workers_;
};

/// Cores that this process may use: affinity and the cgroup's CPU quota respected; at least 1.
unsigned usable_cores();
/// What `workers` of the configuration comes to.
unsigned wanted_workers(const snapshot::Snapshot& snapshot);

}  // namespace sluice::control
