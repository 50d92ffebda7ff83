#include "loop/offload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>

namespace sluice {
namespace {

/// Holds up whoever comes until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void until_inside(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool open_ = false;
};

struct Counted {
  std::atomic<int> run{0};
  std::atomic<int> gone{0};
};

class CountingJob final : public Offload::Job {
 public:
  CountingJob(Counted& counted, Gate& gate) : counted_(&counted), gate_(&gate) {}
  ~CountingJob() override { ++counted_->gone; }
  void run() override {
    gate_->pass();
    ++counted_->run;
  }

 private:
  Counted* counted_;
  Gate* gate_;
};

TEST(Offload, takes_no_more_than_its_queue_holds) {
  Counted counted;
  Gate gate;
  Offload offload({.threads = 2, .queue_max = 3});
  auto post = [&] { return offload.post(std::make_unique<CountingJob>(counted, gate)); };
  EXPECT_TRUE(post());
  EXPECT_TRUE(post());
  gate.until_inside(2);   // both threads are busy
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(post());
  EXPECT_FALSE(post());
  EXPECT_EQ(counted.gone, 1);   // the one that was not taken
  EXPECT_EQ(counted.run, 0);
  gate.open();
  gate.until_inside(5);
  offload.stop();
  EXPECT_EQ(counted.run, 5);
  EXPECT_EQ(counted.gone, 6);
}

TEST(Offload, what_waits_when_it_stops_is_not_done) {
  Counted counted;
  Gate gate;
  Offload offload({.threads = 1, .queue_max = 8});
  auto post = [&] { return offload.post(std::make_unique<CountingJob>(counted, gate)); };
  EXPECT_TRUE(post());
  gate.until_inside(1);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(post());
  std::thread opener([&] {
    while (counted.gone < 4) std::this_thread::yield();   // stop() has thrown the queue away
    gate.open();
  });
  offload.stop();
  opener.join();
  EXPECT_EQ(counted.run, 1);
  EXPECT_EQ(counted.gone, 5);
  EXPECT_FALSE(post());
}

TEST(Offload, that_nobody_uses_has_no_thread_to_end) {
  Offload offload({});
  offload.stop();
}

}  // namespace
}  // namespace sluice
