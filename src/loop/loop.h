// One thread's event loop: sockets by a Poller, all else by libuv's loop, which the Poller wakes; with the ready
// list, the timer wheel, the block pool and the one read buffer of the worker. The door to libuv, with net/.
#pragma once

#include <time.h>
#include <uv.h>

#include <climits>
#include <string>

#include "base/chain.h"
#include "base/clock.h"
#include "base/counter.h"
#include "loop/poller.h"
#include "loop/task.h"
#include "loop/timer.h"

namespace sluice {

/// libuv's cached time: no system call, a millisecond's grain.
class LoopClock final : public Clock {
 public:
  explicit LoopClock(uv_loop_t& loop) : loop_(&loop) {}
  TimePoint now() const override { return TimePoint{std::chrono::milliseconds{uv_now(loop_)}}; }
  TimePoint precise() const override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);   // what uv_hrtime asks too, without its detours
    return TimePoint{Duration{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec}};
  }
  WallTime wall() const override;

 private:
  uv_loop_t* loop_;
  mutable uint64_t wall_read_at_ = ~uint64_t{0};
  mutable WallTime wall_{};
};

/// Descriptors that traffic leaves to others: the admin listener, log files, names, the connections of requests
/// under way. The kernel gives the lowest free number, so a new one's number says how many are open.
struct DescriptorReserve {
  int scarce = INT_MAX;   // from here on clients are told 503
  int end = INT_MAX;      // from here on a socket is closed again
};

class Loop {
 public:
  static constexpr Duration kStall = std::chrono::milliseconds(100);

  /// `share`: what the loop's blocks count in, null for nothing; outlives the loop
  explicit Loop(MemoryShare* share = nullptr);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  /// needs: every handle made on this loop closed or closing; the destructor runs their callbacks
  ~Loop();

  /// Runs until stop() or until nothing is left to wait for.
  void run();
  /// One turn of it: waits for what comes first, and does what that causes. gives: run() would go on
  bool run_once();
  void stop() { stopped_ = true; }

  uv_loop_t* uv() { return &uv_; }
  /// Watches a socket; it keeps the loop alive until unwatch(). gives: 0 or errno
  int watch(int descriptor, uint32_t events, Watcher& watcher);
  void rewatch(int descriptor, uint32_t events, Watcher& watcher) {
    poller_.change(descriptor, events, watcher);
  }
  void unwatch(int descriptor);
  /// The same for one that is about to be closed, which the kernel sees for itself.
  void forget_watch();
  void bury(Watcher& watcher) { poller_.bury(watcher); }
  const LoopClock& clock() const { return clock_; }
  Scheduler& scheduler() { return scheduler_; }
  TimerWheel& timers() { return timers_; }
  BlockPool& blocks() { return blocks_; }

  const DescriptorReserve& descriptors() const { return descriptors_; }
  void reserve_descriptors(const DescriptorReserve& reserve) { descriptors_ = reserve; }

  /// The buffer for the next read. The block is the worker's: who keeps bytes of it holds the block, and
  /// the loop takes a fresh one for the next read.
  Block& read_block(size_t bytes);

  /// Counts turns; wraps. A socket bounds with it what it reads in one turn.
  uint32_t turn() const { return turn_; }
  /// Who this is, for the line about a stall. needs: before run()
  void set_name(std::string name) { name_ = std::move(name); }
  /// Turns in which the callbacks took longer than kStall.
  const Counter& stalls() const { return stalls_; }
  /// System calls for timers are avoided by one wheel: tells libuv when the next tick is due.
  void pace_timers();

 private:
  static void on_tick(uv_timer_t* handle);
  void before_wait();
  void after_wait();

  uv_loop_t uv_;
  uv_timer_t tick_;
  uv_prepare_t anchor_;   // keeps libuv's loop alive while sockets are watched; does nothing else
  LoopClock clock_;
  Poller poller_;
  Scheduler scheduler_;
  BlockPool blocks_;
  TimerWheel timers_;
  BlockRef read_block_;
  DescriptorReserve descriptors_;
  Duration pace_{};
  uint64_t woke_at_ns_ = 0;
  uint32_t turn_ = 0;
  uint32_t watched_ = 0;
  bool stopped_ = false;
  Counter stalls_;
  std::string name_ = "loop";
};

/// What every callback from libuv opens first: drains the ready list when it ends.
class LoopTurn {
 public:
  explicit LoopTurn(Loop& loop) : turn_(loop.scheduler()) {}

 private:
  Scheduler::Turn turn_;
};

}  // namespace sluice
