// Wakes the writer's thread: there is work, or it is time to stop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace sluice::observe {

class LogSignal {
 public:
  void work() {
    std::lock_guard lock(mutex_);
    work_ = true;
    changed_.notify_one();
  }
  void stop() {
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_one();
  }
  /// Waits for work or stop, at most `limit`. gives: whether to stop
  bool wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [this] { return work_ || stop_; });
    work_ = false;
    return stop_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool work_ = false;
  bool stop_ = false;
};

}  // namespace sluice::observe
