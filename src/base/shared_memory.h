// How many bytes traffic holds in the whole process, against a limit (server.memory_max). Counts what is
// reported to it: blocks, slab pages, an estimate for what libraries hold. Ends nothing itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// Any worker adds, any thread reads. Relaxed: the numbers alone matter, nothing is published through them.
class SharedMemory {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX / 2;   // room for arithmetic

  void set_limit(uint64_t bytes) {
    limit_.store(bytes, std::memory_order_relaxed);
    judge();
  }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  /// gives: bytes, up to MemoryShare::kBatch late for each worker
  uint64_t used() const;
  /// The limit was reached, and use has not fallen below nine tenths of it since.
  bool full() const { return full_.load(std::memory_order_relaxed); }
  void add(int64_t bytes) {
    used_.fetch_add(bytes, std::memory_order_relaxed);
    judge();
  }
  /// Looks again. Two workers that judge at the same time may leave the older answer: call it now and then.
  void judge();

 private:
  alignas(64) std::atomic<int64_t> used_{0};
  alignas(64) std::atomic<bool> full_{false};   // read by every request, written when it changes
  std::atomic<uint64_t> limit_{kUnlimited};
};

/// One worker's part of it, which it alone touches: tells the process in batches.
class MemoryShare {
 public:
  static constexpr int64_t kBatch = 256 * 1024;   // some full read buffers; 1 % of the least memory_max

  explicit MemoryShare(SharedMemory& whole) : whole_(&whole) {}
  MemoryShare(const MemoryShare&) = delete;
  ~MemoryShare() { report(); }

  void take(size_t bytes) {
    unreported_ += static_cast<int64_t>(bytes);
    if (unreported_ >= kBatch) report();
  }
  void give(size_t bytes) {
    unreported_ -= static_cast<int64_t>(bytes);
    if (unreported_ <= -kBatch) report();
  }
  bool full() const { return whole_->full(); }

 private:
  void report() {
    whole_->add(unreported_);
    unreported_ = 0;
  }

  SharedMemory* whole_;
  int64_t unreported_ = 0;
};

}  // namespace sluice
