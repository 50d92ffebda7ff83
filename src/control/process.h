// What belongs to the whole process and outlives any snapshot: counters, logs, the counts that hold across
// workers. Each thing says who may touch it.
#pragma once

#include "base/clock.h"
#include "base/shared_count.h"
#include "net/pipe.h"
#include "observe/log_set.h"
#include "observe/registry.h"

namespace sluice::control {

struct Process {
  /// The shard of what runs on the keeper's loop.
  observe::Shard& keeper_shard() { return registry.shard(0); }
  /// Keeper only. gives: the shard of a worker, which stays its own for as long as the process runs
  observe::Shard& worker_shard(unsigned index) {
    registry.grow(index + 2);
    return registry.shard(index + 1);
  }

  observe::Registry registry{1};           // keeper; shards: one worker each
  observe::LogSet logs;                    // see there
  WallTime started_at = std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
  SharedCount connections;                 // any worker
  net::SharedPipes pipes;                  // any worker
};

}  // namespace sluice::control
