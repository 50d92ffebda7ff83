// How often each Problem was sent by one worker: found by the address of its constexpr, no ids to
// hand out.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/counter.h"
#include "http/problem.h"

namespace sluice::observe {

class ProblemCounts {
 public:
  /// Writer only. needs: `problem` has static storage
  void count(const http::Problem& problem) {
    size_t start = slot_of(&problem);
    for (size_t step = 0; step < kProbesMax; ++step) {
      Slot& slot = slots_[(start + step) % kSlots];
      const http::Problem* held = slot.problem.load(std::memory_order_relaxed);
      if (held == nullptr) slot.problem.store(&problem, std::memory_order_release);
      if (held == nullptr || held == &problem) return slot.count.add();
    }
    other_.add();
  }

  /// Any thread. Calls visit(code, count); a code may come more than once.
  template <class Visit>
  void each(Visit visit) const {
    for (const Slot& slot : slots_) {
      const http::Problem* problem = slot.problem.load(std::memory_order_acquire);
      if (problem != nullptr) visit(problem->code, slot.count.value());
    }
    if (other_.value() > 0) visit(std::string_view("other"), other_.value());
  }

 private:
  static constexpr size_t kSlots = 256;      // the catalogue has under 100 problems
  static constexpr size_t kProbesMax = 32;
  struct Slot {
    std::atomic<const http::Problem*> problem{nullptr};
    Counter count;
  };

  static size_t slot_of(const http::Problem* problem) {
    return (reinterpret_cast<uintptr_t>(problem) >> 3) * 0x9e3779b97f4a7c15ULL >> 56;
  }

  std::array<Slot, kSlots> slots_;
  Counter other_;
};

}  // namespace sluice::observe
