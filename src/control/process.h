// What belongs to the whole process and outlives any snapshot: counters, logs, the counts that hold across
// workers. Each thing says who may touch it.
#pragma once

#include "base/clock.h"
#include "export/courier.h"
#include "loop/offload.h"
#include "net/pipe.h"
#include "observe/log_set.h"
#include "observe/registry.h"
#include "server/shared_load.h"

namespace sluice::control {

/// From the kernel; ends the process if there is none.
uint64_t random_seed();

/// Threads for hashes of passwords. More would take the workers' cores: each hash costs some 50 ms of one.
inline constexpr unsigned kOffloadThreads = 2;
/// Hashes that wait for them: about two seconds' worth.
inline constexpr size_t kOffloadQueueMax = 64;

struct Process {
  /// The shard of what runs on the keeper's loop.
  observe::Shard& keeper_shard() { return registry.shard(0); }
  /// Keeper only. gives: the shard of a worker, which stays its own for as long as the process runs
  observe::Shard& worker_shard(unsigned index) {
    registry.grow(index + 2);
    return registry.shard(index + 1);
  }

  observe::Registry registry{1};           // keeper; shards: one worker each
  exporting::Courier courier{random_seed()};   // keeper; outlives what the logs hold of it
  observe::LogSet logs;                    // see there
  WallTime started_at = std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
  server::SharedLoad load{random_seed()};  // any worker
  uint64_t connections_max_doubted = 0;    // keeper: the last connections_max that was said to be out of reach
  net::SharedPipes pipes;                  // any worker
  Offload offload{{.threads = kOffloadThreads, .queue_max = kOffloadQueueMax}};   // any worker; see Supervisor::stop
};

}  // namespace sluice::control
