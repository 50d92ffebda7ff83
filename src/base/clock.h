// Time is passed in: the loop's cached clock in the product, a FakeClock in tests.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

inline constexpr TimePoint kNever = TimePoint::max();

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic time, cached once per loop turn (a few ms old at most while the loop is not stalled).
  virtual TimePoint now() const = 0;
  /// Monotonic time, read from the kernel's page (about 30 ns): for latencies only.
  virtual TimePoint precise() const = 0;
  /// Wall time, cached like now().
  virtual WallTime wall() const = 0;
};

/// A clock that stands still until told otherwise.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  TimePoint precise() const override { return now_; }
  WallTime wall() const override { return wall_; }

  void advance(Duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(by);
  }
  void set_wall(WallTime wall) { wall_ = wall; }

 private:
  TimePoint now_{std::chrono::hours{1}};
  WallTime wall_{std::chrono::seconds{1'700'000'000}};
};

}  // namespace sluice
