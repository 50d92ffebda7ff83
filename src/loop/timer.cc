#include "loop/timer.h"

#include <algorithm>

namespace sluice {

void Timer::start(TimerWheel& wheel, TimePoint deadline, Owner& owner) {
  // One tick late rather than early: of a deadline inside a tick the next one is the first.
  uint64_t tick = TimerWheel::ticks(deadline);
  deadline_tick_ = deadline == kNever ? kStopped : tick + (deadline.time_since_epoch() % TimerWheel::kTick > Duration::zero());
  owner_ = &owner;
  if (linked()) {
    if (deadline_tick_ >= wheel.slot_tick(*this)) return;   // the wheel comes by, and moves us
    unlink();
  }
  wheel.insert(*this, wheel.tick_ + 1);
}

void TimerWheel::insert(Timer& timer, uint64_t earliest) {
  uint64_t due = std::max(uint64_t{timer.deadline_tick_}, earliest);
  uint64_t span = due - tick_;
  int level = 0;
  while (level < kLevels - 1 && span >= uint64_t{1} << (kBits * (level + 1))) ++level;
  if (span > kSpanMax) due = tick_ + kSpanMax;   // look again then
  uint64_t slot = (due >> (kBits * level)) & (kSlots - 1);
  timer.slot_tick_ = ((due >> (kBits * level)) << (kBits * level)) & kSpanMax;
  slots_[static_cast<size_t>(level)][slot].push_back(timer);
  used_[static_cast<size_t>(level)] |= uint64_t{1} << slot;
}

void TimerWheel::cascade(int level) {
  auto at = static_cast<size_t>(level);
  uint64_t slot = (tick_ >> (kBits * level)) & (kSlots - 1);
  if (slot == 0 && level + 1 < kLevels) cascade(level + 1);
  used_[at] &= ~(uint64_t{1} << slot);
  Slot moving;
  moving.splice_back(slots_[at][slot]);
  while (!moving.empty()) {
    Timer& timer = moving.pop_front();
    if (timer.active()) insert(timer, tick_);   // fire() of this tick is still to come
  }
}

void TimerWheel::fire(uint64_t target) {
  uint64_t slot = tick_ & (kSlots - 1);
  if ((used_[0] & (uint64_t{1} << slot)) == 0) return;
  used_[0] &= ~(uint64_t{1} << slot);
  Slot due;
  due.splice_back(slots_[0][slot]);
  while (!due.empty()) {
    Timer& timer = due.pop_front();
    if (!timer.active()) continue;
    if (timer.deadline_tick_ > target) {
      insert(timer, tick_ + 1);
      continue;
    }
    timer.stop();
    timer.owner_->on_timer(timer);
  }
}

void TimerWheel::skip_empty(uint64_t target) {
  // While the lowest levels are empty nothing happens before the next cascade of the one above.
  int level = 0;
  while (level < kLevels && used_[static_cast<size_t>(level)] == 0) ++level;
  if (level == kLevels) {
    tick_ = target;
  } else if (level > 0) {
    uint64_t before_cascade = tick_ | ((uint64_t{1} << (kBits * level)) - 1);
    tick_ = std::min(before_cascade, target);
  }
}

void TimerWheel::advance(TimePoint now) {
  uint64_t target = ticks(now);
  while (tick_ < target) {
    skip_empty(target);
    if (tick_ >= target) return;
    ++tick_;
    if ((tick_ & (kSlots - 1)) == 0) cascade(1);
    fire(target);
  }
}

Duration TimerWheel::pace() const {
  if (used_[0] != 0) return kTick;
  return (used_[1] | used_[2] | used_[3]) != 0 ? kSlowTick : Duration::zero();
}

}  // namespace sluice
