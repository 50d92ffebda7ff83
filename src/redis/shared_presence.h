// How many workers miss a Redis: so that its going and coming back are one log line each for the process.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::redis {

/// Relaxed: the number alone matters, nothing is published through it.
class SharedPresence {
 public:
  /// gives: whether this worker is the first to miss it
  bool missed() { return missing_.fetch_add(1, std::memory_order_relaxed) == 0; }
  /// gives: whether this worker was the last to miss it
  bool found() { return missing_.fetch_sub(1, std::memory_order_relaxed) == 1; }

 private:
  std::atomic<uint32_t> missing_{0};
};

}  // namespace sluice::redis
