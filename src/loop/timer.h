// Coarse timers: a hashed wheel of four levels of 64 slots, 10 ms a tick. Restarting a running timer to a
// later deadline only stores the deadline; the wheel looks again when the old one comes (1 ns, no list work).
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/list.h"

namespace sluice {

class TimerWheel;

class Timer : private ListHook<class TimerTag> {
 public:
  class Owner {
   public:
    virtual void on_timer(Timer& timer) = 0;
   protected:
    ~Owner() = default;
  };

  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// (Re)starts: owner.on_timer comes once, at `deadline` or up to 100 ms later.
  void start(TimerWheel& wheel, TimePoint deadline, Owner& owner);
  void stop() { deadline_tick_ = kStopped; }
  bool active() const { return deadline_tick_ != kStopped; }
  /// As it was given, or up to a tick later; kNever: it is stopped.
  TimePoint deadline() const;

 private:
  friend class TimerWheel;
  template <class T, class Tag> friend class List;
  // A connection has one, a socket four: in one word. 40 bits of ticks hold every TimePoint.
  static constexpr uint64_t kStopped = (uint64_t{1} << 40) - 1;
  uint64_t deadline_tick_ : 40 = kStopped;   // the first that begins at the deadline or after it
  uint64_t slot_tick_ : 24 = 0;              // when the wheel will look at us, in the lowest bits: it is not further
  Owner* owner_ = nullptr;
};

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(10);
  static constexpr Duration kSlowTick = std::chrono::milliseconds(100);

  explicit TimerWheel(TimePoint now) : tick_(ticks(now)) {}

  /// Fires what is due. Call often enough: see pace().
  void advance(TimePoint now);
  /// gives: how often advance() must be called now: kTick, kSlowTick, or zero when there is no timer
  Duration pace() const;

 private:
  friend class Timer;
  static constexpr int kLevels = 4;
  static constexpr int kBits = 6;
  static constexpr uint64_t kSlots = 1 << kBits;
  using Slot = List<Timer, class TimerTag>;

  static uint64_t ticks(TimePoint at) {
    return static_cast<uint64_t>(at.time_since_epoch() / kTick);
  }
  static constexpr uint64_t kSpanMax = (uint64_t{1} << (kBits * kLevels)) - 1;   // 46 hours
  uint64_t slot_tick(const Timer& timer) const { return tick_ + ((timer.slot_tick_ - tick_) & kSpanMax); }
  void insert(Timer& timer, uint64_t earliest);
  void cascade(int level);
  void fire(uint64_t target);
  void skip_empty(uint64_t target);

  uint64_t tick_;   // the last one handled
  std::array<uint64_t, kLevels> used_{};   // bit per slot that may hold timers
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
};

inline TimePoint Timer::deadline() const {
  return active() ? TimePoint(static_cast<int64_t>(deadline_tick_) * TimerWheel::kTick) : kNever;
}

}  // namespace sluice
