// Work that takes longer than a loop may be held up, such as hashes of passwords: a few threads of the process, and a
// bounded queue before them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice {

class Offload {
 public:
  /// One piece of work. It says itself who hears of its end (loop/mailbox.h).
  class Job {
   public:
    virtual ~Job() = default;
    virtual void run() = 0;
  };
  struct Limits {
    unsigned threads = 1;
    size_t queue_max = 64;   // jobs that wait, those that run not counted
  };

  explicit Offload(const Limits& limits) : limits_(limits) {}
  Offload(const Offload&) = delete;
  ~Offload() { stop(); }

  /// From any thread; threads begin with the first jobs.
  /// gives: false when the queue is full, or after stop(): nothing will come of it
  bool post(std::unique_ptr<Job> job);
  /// Waits for the jobs that run; the others are destroyed undone. Whoever they would tell must still be there.
  void stop();

 private:
  void run();

  Limits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> queue_;   // guarded
  size_t idle_ = 0;                          // threads that wait for a job; guarded
  bool stopping_ = false;                    // guarded
  std::vector<std::thread> threads_;         // guarded, until stop() has begun
};

}  // namespace sluice
