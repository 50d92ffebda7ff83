#include "loop/offload.h"

#include <pthread.h>

#include <utility>

namespace sluice {

bool Offload::post(std::unique_ptr<Job> job) {
  std::lock_guard lock(mutex_);
  if (stopping_ || queue_.size() >= limits_.queue_max) return false;
  queue_.push_back(std::move(job));
  if (idle_ < queue_.size() && threads_.size() < limits_.threads) threads_.emplace_back([this] { run(); });
  changed_.notify_one();
  return true;
}

void Offload::stop() {
  std::deque<std::unique_ptr<Job>> undone;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    undone.swap(queue_);
    changed_.notify_all();
  }
  undone.clear();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Offload::run() {
  pthread_setname_np(pthread_self(), "offload");
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    std::unique_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job->run();
    job.reset();
    lock.lock();
  }
}

}  // namespace sluice
