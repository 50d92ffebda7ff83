// The time that this thread has computed: what a promise about our own work is held to. Time on the wall would count
// whatever else the machine does.
#pragma once

#include <time.h>

#include <chrono>

namespace sluice {

inline std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace sluice
