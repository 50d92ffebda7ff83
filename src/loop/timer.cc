#include "loop/timer.h"

#include <algorithm>

namespace sluice {

void Timer::start(TimerWheel& wheel, TimePoint deadline, Owner& owner) {
  deadline_ = deadline;
  owner_ = &owner;
  if (linked()) {
    if (TimerWheel::ticks(deadline) >= slot_tick_) return;   // the wheel comes by, and moves us
    unlink();
  }
  wheel.insert(*this, wheel.tick_ + 1);
}

void TimerWheel::insert(Timer& timer, uint64_t earliest) {
  // One tick late rather than early: a deadline inside a tick is due when the tick is over.
  uint64_t due = std::max(ticks(timer.deadline_) + 1, earliest);
  uint64_t span = due - tick_;
  int level = 0;
  while (level < kLevels - 1 && span >= uint64_t{1} << (kBits * (level + 1))) ++level;
  // Beyond 46 hours: look again then.
  constexpr uint64_t kSpanMax = (uint64_t{1} << (kBits * kLevels)) - 1;
  if (span > kSpanMax) due = tick_ + kSpanMax;
  uint64_t slot = (due >> (kBits * level)) & (kSlots - 1);
  timer.slot_tick_ = level == 0 ? due : (due >> (kBits * level)) << (kBits * level);
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

void TimerWheel::fire(TimePoint now) {
  uint64_t slot = tick_ & (kSlots - 1);
  if ((used_[0] & (uint64_t{1} << slot)) == 0) return;
  used_[0] &= ~(uint64_t{1} << slot);
  Slot due;
  due.splice_back(slots_[0][slot]);
  while (!due.empty()) {
    Timer& timer = due.pop_front();
    if (!timer.active()) continue;
    if (timer.deadline_ > now) {
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
    fire(now);
  }
}

Duration TimerWheel::pace() const {
  if (used_[0] != 0) return kTick;
  return (used_[1] | used_[2] | used_[3]) != 0 ? kSlowTick : Duration::zero();
}

}  // namespace sluice
