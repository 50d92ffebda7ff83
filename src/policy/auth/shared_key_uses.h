// When each key of a table was last accepted, to the second. Any worker notes it, the control socket reads it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace sluice::policy {

class SharedKeyUses {
 public:
  explicit SharedKeyUses(size_t keys) : seconds_(std::make_unique<std::atomic<uint32_t>[]>(keys)) {}

  /// cost: a load; a store too when this second is a new one for the key
  void note(size_t key, uint32_t second) {
    std::atomic<uint32_t>& noted = seconds_[key];
    if (noted.load(std::memory_order_relaxed) < second) noted.store(second, std::memory_order_relaxed);
  }
  /// gives: seconds since 1970; 0: never
  uint32_t last(size_t key) const { return seconds_[key].load(std::memory_order_relaxed); }

 private:
  std::unique_ptr<std::atomic<uint32_t>[]> seconds_;   // of two workers that store at once either is right to a second
};

}  // namespace sluice::policy
