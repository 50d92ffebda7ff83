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
  void stop() { deadline_ = kNever; }
  bool active() const { return deadline_ != kNever; }
  TimePoint deadline() const { return deadline_; }

 private:
  friend class TimerWheel;
  template <class T, class Tag> friend class List;
  TimePoint deadline_ = kNever;
  uint64_t slot_tick_ = 0;   // when the wheel will look at us
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
  void insert(Timer& timer, uint64_t earliest);
  void cascade(int level);
  void fire(TimePoint now);
  void skip_empty(uint64_t target);

  uint64_t tick_;   // the last one handled
  std::array<uint64_t, kLevels> used_{};   // bit per slot that may hold timers
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
};

}  // namespace sluice
