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
  uv_prepare_init(&uv_, &prepare_);
  uv_check_init(&uv_, &check_);
  tick_.data = prepare_.data = check_.data = this;
  uv_prepare_start(&prepare_, &Loop::on_prepare);
  uv_check_start(&check_, &Loop::on_check);
  // These three alone do not keep the loop alive.
  for (auto* handle : {reinterpret_cast<uv_handle_t*>(&tick_),
                       reinterpret_cast<uv_handle_t*>(&prepare_),
                       reinterpret_cast<uv_handle_t*>(&check_)}) {
    uv_unref(handle);
  }
}

Loop::~Loop() {
  { LoopTurn turn(*this); }
  uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), nullptr);
  while (uv_run(&uv_, UV_RUN_DEFAULT) != 0) {}   // a stop() left over would end the first at once
  read_block_.reset();
  CHECK(uv_loop_close(&uv_) == 0);
}

void Loop::run() {
  uv_update_time(&uv_);
  pace_timers();
  uv_run(&uv_, UV_RUN_DEFAULT);
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

void Loop::on_prepare(uv_prepare_t* handle) {
  Loop& loop = *static_cast<Loop*>(handle->data);
  loop.scheduler_.flush_turn();
  loop.pace_timers();
  if (loop.woke_at_ns_ == 0) return;
  uint64_t busy_ns = uv_hrtime() - loop.woke_at_ns_;
  if (busy_ns < static_cast<uint64_t>(kStall.count())) return;
  loop.stalls_.add();
  LOG(warn, "event loop stalled", kv("loop", loop.name_), kv("milliseconds", busy_ns / 1'000'000));
}

void Loop::on_check(uv_check_t* handle) {
  Loop& loop = *static_cast<Loop*>(handle->data);
  ++loop.turn_;
  loop.scheduler_.flush_turn();
  // libuv refreshed its clock when the poll returned: good enough for a stall of 100 ms, and free.
  loop.woke_at_ns_ = uv_now(&loop.uv_) * 1'000'000;
}

}  // namespace sluice
