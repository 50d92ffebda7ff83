// One worker's clients of all [redis.NAME]: made when a snapshot names an instance, kept for as long as one does,
// across any number of reloads.
#pragma once

#include <memory>
#include <vector>

#include "net/lazy_resolver.h"
#include "redis/client.h"
#include "snapshot/snapshot.h"

namespace sluice::control {

class RedisClients {
 public:
  /// `parts.counters` is chosen for each client; `shard` and the rest outlive this.
  RedisClients(Loop& loop, net::TlsIo& tls_io, net::LazyResolver& resolver, Random& random, observe::Shard& shard,
               unsigned worker)
      : loop_(&loop), tls_io_(&tls_io), resolver_(&resolver), random_(&random), shard_(&shard), worker_(worker) {}
  RedisClients(const RedisClients&) = delete;
  ~RedisClients() { stop(); }

  /// `workers`: how many share the numbers of the configuration.
  void serve(const snapshot::Snapshot& snapshot, unsigned workers);
  /// Ends the clients that none of these snapshots names.
  template <class Leases>
  void forget_unused(const Leases& leases) {
    std::erase_if(clients_, [&](Entry& entry) {
      for (const auto& lease : leases) {
        for (const auto& part : lease->snapshot->redis) {
          if (part == entry.part) return false;
        }
      }
      end(entry);
      return true;
    });
  }
  void stop();

 private:
  struct Entry {
    std::shared_ptr<const snapshot::RedisPart> part;   // its metric id stays in use
    std::unique_ptr<redis::Client> client;
  };
  void end(Entry& entry);

  Loop* loop_;
  net::TlsIo* tls_io_;
  net::LazyResolver* resolver_;
  Random* random_;
  observe::Shard* shard_;
  unsigned worker_;
  std::vector<Entry> clients_;
};

}  // namespace sluice::control
