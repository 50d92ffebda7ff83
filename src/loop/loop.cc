#include "loop/loop.h"

#include "base/check.h"
#include "base/log.h"

namespace sluice {

WallTime LoopClock::wall() const {
  if (uint64_t now = uv_now(loop_); now != wall_read_at_) {
    wall_read_at_ = now;
    wall_ = std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }
  return wall_;
}

Loop::Loop(MemoryShare* share)
    : uv_{}, clock_(uv_), timers_([this] {
        CHECK(uv_loop_init(&uv_) == 0);
        return clock_.now();
      }()) {
  if (share) blocks_.count_in(*share);
  uv_timer_init(&uv_, &tick_);
  uv_prepare_init(&uv_, &anchor_);
  tick_.data = this;
  uv_prepare_start(&anchor_, [](uv_prepare_t*) {});
  // These two alone do not keep the loop alive.
  uv_unref(reinterpret_cast<uv_handle_t*>(&tick_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&anchor_));
  poller_.nest(uv_backend_fd(&uv_));
}

Loop::~Loop() {
  { LoopTurn turn(*this); }
  poller_.free_buried();
  uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&anchor_), nullptr);
  while (uv_run(&uv_, UV_RUN_DEFAULT) != 0) {}
  read_block_.reset();
  CHECK(uv_loop_close(&uv_) == 0);
}

void Loop::run() {
  uv_update_time(&uv_);
  while (run_once() && !stopped_) {}
  stopped_ = false;
}

bool Loop::run_once() {
  before_wait();
  // Zero when libuv has timers due, handles to close, or watchers that the kernel does not know yet.
  int patience = uv_loop_alive(&uv_) ? uv_backend_timeout(&uv_) : 0;
  poller_.wait(patience);
  uv_update_time(&uv_);
  // libuv's clock is good enough for a stall of 100 ms, and free.
  woke_at_ns_ = uv_now(&uv_) * 1'000'000;
  Poller::Found found = poller_.dispatch();
  if (found.nested || !found.any || uv_backend_timeout(&uv_) == 0) uv_run(&uv_, UV_RUN_NOWAIT);
  after_wait();
  return uv_loop_alive(&uv_);
}

int Loop::watch(int descriptor, uint32_t events, Watcher& watcher) {
  if (int error = poller_.add(descriptor, events, watcher); error != 0) return error;
  if (watched_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(&anchor_));
  return 0;
}

void Loop::unwatch(int descriptor) {
  poller_.remove(descriptor);
  forget_watch();
}

void Loop::forget_watch() {
  if (--watched_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&anchor_));
}

Block& Loop::read_block(size_t bytes) {
  // Someone kept bytes of the last read: that block is theirs now.
  if (!read_block_ || read_block_->refs() > 1 || read_block_->capacity() < bytes) {
    read_block_ = blocks_.take(bytes);
  }
  return *read_block_.get();
}

void Loop::pace_timers() {
  Duration pace = timers_.pace();
  if (pace_ == Duration::zero() && pace != pace_) {
    // Nobody moved the wheel while it was empty, so the first timer was put too far out.
    LoopTurn turn(*this);
    timers_.advance(clock_.now());
    pace = timers_.pace();
  }
  if (pace == pace_) return;
  pace_ = pace;
  if (pace == Duration::zero()) { uv_timer_stop(&tick_); return; }
  auto millis = static_cast<uint64_t>(pace / std::chrono::milliseconds(1));
  uv_timer_start(&tick_, &Loop::on_tick, millis, millis);
}

void Loop::on_tick(uv_timer_t* handle) {
  Loop& loop = *static_cast<Loop*>(handle->data);
  LoopTurn turn(loop);
  loop.timers_.advance(loop.clock_.now());
}

void Loop::before_wait() {
  scheduler_.flush_turn();   // what the last turn's end has left
  pace_timers();
  if (woke_at_ns_ == 0) return;
  uint64_t busy_ns = uv_hrtime() - woke_at_ns_;
  if (busy_ns < static_cast<uint64_t>(kStall.count())) return;
  stalls_.add();
  LOG(warn, "event loop stalled", kv("loop", name_), kv("milliseconds", busy_ns / 1'000'000));
}

void Loop::after_wait() {
  ++turn_;
  scheduler_.flush_turn();
  poller_.free_buried();
}

}  // namespace sluice
