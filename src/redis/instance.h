// One [redis.NAME] as its users hold it: they share it between workers and snapshots, and each worker's part of it
// leads to that worker's client.
#pragma once

#include <utility>

#include "base/per_worker.h"
#include "redis/client.h"
#include "redis/options.h"

namespace sluice::redis {

class Instance {
 public:
  explicit Instance(Options options) : options_(std::move(options)) {}
  Instance(const Instance&) = delete;

  const std::string& name() const { return options_.name; }
  const Options& options() const { return options_; }
  /// gives: the client of this worker, which calls; null before a snapshot that names the instance is served, and
  /// where there are no workers (check, explain)
  Client* client(unsigned worker) const { return clients_.of(worker).client; }
  /// The worker's: makes it known, or gone.
  void set_client(unsigned worker, Client* client) const { clients_.of(worker).client = client; }

 private:
  struct Held {
    Client* client = nullptr;
  };
  Options options_;
  PerWorker<Held> clients_;
};

}  // namespace sluice::redis
