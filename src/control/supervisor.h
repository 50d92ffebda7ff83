// Owns the listening sockets and the workers. Sockets are bound before any worker starts, one per worker and
// address, so that the kernel spreads connections; a second instance on the same address is refused.
#pragma once

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
  Supervisor(Process& process, Worker::Owner& owner, unsigned workers);

  /// Binds every listener. errors: every address that cannot be bound, with the reason
  Result<void, std::vector<std::string>> bind(const snapshot::Snapshot& snapshot);
  void start();
  /// Each worker accepts on its own sockets.
  void listen();
  /// Lets go of the listening sockets. What waits in their queues belongs to the workers' duplicates,
  /// which accept it when they drain.
  /// needs: every worker listens (Worker::Owner::on_worker_listening)
  void close_sockets() { sockets_.clear(); }
  void stop();

  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }

 private:
  std::vector<std::vector<net::ListenSocket>> sockets_;   // by listener, then by worker
  std::vector<std::unique_ptr<Worker>> workers_;
};

/// Cores that this process may use: affinity and the cgroup's CPU quota respected; at least 1.
unsigned usable_cores();

}  // namespace sluice::control
