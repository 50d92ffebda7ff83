// Mutable state inside a const part that all workers share: one T for each worker, touched by that worker alone
// (caches, views of Live values). Dies with its part, on the keeper's thread, after the last worker let go of it:
// so a T owns memory only, no handle of a loop.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/check.h"

namespace sluice {

inline constexpr size_t kWorkersMax = 256;   // server.workers

template <class T>
class PerWorker {
 public:
  /// gives: this worker's, made at its first use
  T& of(unsigned worker) const {
    CHECK(worker < kWorkersMax);
    std::unique_ptr<T>& own = (*all_)[worker];
    if (!own) own = std::make_unique<T>();
    return *own;
  }

 private:
  using All = std::array<std::unique_ptr<T>, kWorkersMax>;
  std::unique_ptr<All> all_ = std::make_unique<All>();
};

}  // namespace sluice
