// A const value that the world changes: key sets, key files, address lists. The keeper replaces it; workers read it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace sluice {

template <class T>
class Live {
 public:
  explicit Live(std::shared_ptr<const T> first) : current_(std::move(first)) {}
  Live(const Live&) = delete;

  /// Any thread. cost: an uncontended mutex and a reference count; per request see LiveView
  std::shared_ptr<const T> current() const {
    std::lock_guard lock(mutex_);
    return current_;
  }
  /// Counts replacements: a cached verdict of an earlier generation is worth nothing. Any thread; who sees a
  /// generation and then asks for current() gets that value or a later one.
  uint32_t generation() const { return generation_.load(std::memory_order_acquire); }

  void replace(std::shared_ptr<const T> next) {
    {
      std::lock_guard lock(mutex_);
      current_.swap(next);
    }
    generation_.fetch_add(1, std::memory_order_release);
  }   // the old value dies here, outside the lock, unless a worker still reads it

 private:
  mutable std::mutex mutex_;   // held for a copy or a swap of the pointer, never more
  std::shared_ptr<const T> current_;
  std::atomic<uint32_t> generation_{1};
};

/// One worker's hold on a Live value: an atomic load per look, the mutex only after a replacement.
template <class T>
class LiveView {
 public:
  /// gives: the value in force; the reference holds until the next call
  const T& get(const Live<T>& live) {
    uint32_t generation = live.generation();
    if (generation != generation_) {
      held_ = live.current();
      generation_ = generation;
    }
    return *held_;
  }
  uint32_t generation() const { return generation_; }

 private:
  std::shared_ptr<const T> held_;
  uint32_t generation_ = 0;
};

}  // namespace sluice
