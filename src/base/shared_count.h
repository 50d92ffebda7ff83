// A count of the whole process with a limit: any worker adds and subtracts (connections, requests in flight).
// Relaxed: the number alone matters, nothing is published through it.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice {

class SharedCount {
 public:
  /// gives: false, and nothing counted, when `limit` is reached
  bool take(uint64_t limit) {
    if (count_.fetch_add(1, std::memory_order_relaxed) < limit) return true;
    count_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void take() { count_.fetch_add(1, std::memory_order_relaxed); }
  void give() { count_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t value() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

}  // namespace sluice
