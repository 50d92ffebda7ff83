// What belongs to the whole process and outlives any snapshot: counters, logs, the counts that hold across
// workers. Each thing says who may touch it.
#pragma once

#include "base/shared_count.h"
#include "observe/log_file.h"
#include "observe/registry.h"
#include "observe/writer.h"

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
  observe::LogWriter logs;                 // any thread
  observe::LogFile* error_log = nullptr;   // set before the workers start, as access_log
  observe::LogFile* access_log = nullptr;  // set before the workers start; null: no access log
  bool access_log_query = false;
  SharedCount connections;                 // any worker
};

}  // namespace sluice::control
