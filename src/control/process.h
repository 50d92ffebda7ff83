// What belongs to the whole process and outlives any snapshot: counters, logs, the counts that hold across
// workers. Each thing says who may touch it.
#pragma once

#include "base/shared_count.h"
#include "observe/log_file.h"
#include "observe/registry.h"
#include "observe/writer.h"

namespace sluice::control {

struct Process {
  explicit Process(unsigned workers) : registry(workers + 1), workers_(workers) {}

  /// The shard of what runs on the keeper's loop: the one after the workers'.
  observe::Shard& keeper_shard() { return registry.shard(workers_); }

  observe::Registry registry;              // keeper; shards: one worker each
  observe::LogWriter logs;                 // any thread
  observe::LogFile* error_log = nullptr;   // set before the workers start, as access_log
  observe::LogFile* access_log = nullptr;  // set before the workers start; null: no access log
  bool access_log_query = false;
  SharedCount connections;                 // any worker

 private:
  unsigned workers_;
};

}  // namespace sluice::control
