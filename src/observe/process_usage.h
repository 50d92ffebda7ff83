// What the kernel says about this process, for process_* of the metrics page.
#pragma once

#include <cstdint>

namespace sluice::observe {

struct ProcessUsage {
  double cpu_seconds = 0;
  double start_time_seconds = 0;   // since 1970
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t threads = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
};

/// cost: some 50 us; what cannot be read (no /proc) is 0
ProcessUsage read_process_usage();

}  // namespace sluice::observe
