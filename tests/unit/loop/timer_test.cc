#include "loop/timer.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/hash.h"

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Alarm final : Timer::Owner {
  void on_timer(Timer&) override {
    ++fired;
    if (act) act();
  }
  Timer timer;
  int fired = 0;
  std::function<void()> act;
};

struct Wheel {
  FakeClock clock;
  TimerWheel wheel{clock.now()};
  void start(Alarm& alarm, Duration in) { alarm.timer.start(wheel, clock.now() + in, alarm); }
  void pass(Duration by, Duration step) {
    for (TimePoint end = clock.now() + by; clock.now() < end;) {
      clock.advance(std::min(step, end - clock.now()));
      wheel.advance(clock.now());
    }
  }
};

TEST(TimerWheel, fires_once_and_never_early_on_every_level) {
  for (Duration in :
       {Duration(milliseconds(1)), Duration(milliseconds(10)), Duration(milliseconds(639)),
        Duration(milliseconds(640)), Duration(milliseconds(641)), Duration(seconds(40)),
        Duration(seconds(41)), Duration(seconds(2621)), Duration(seconds(2622)),
        Duration(hours(30)), Duration(hours(50))}) {
    Wheel at;
    Alarm alarm;
    at.start(alarm, in);
    TimePoint deadline = alarm.timer.deadline();
    at.pass(in - milliseconds(1), milliseconds(10));
    EXPECT_EQ(alarm.fired, 0) << in.count();
    EXPECT_TRUE(alarm.timer.active());
    at.pass(milliseconds(22), milliseconds(10));
    EXPECT_EQ(alarm.fired, 1) << in.count();
    EXPECT_GE(at.clock.now(), deadline);
    EXPECT_FALSE(alarm.timer.active());
    at.pass(seconds(1), milliseconds(10));
    EXPECT_EQ(alarm.fired, 1);
  }
}

TEST(TimerWheel, is_at_most_a_tick_late_from_any_phase_and_distance) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    Wheel at;
    at.pass(milliseconds(random.below(100'000)), milliseconds(100));
    Alarm alarm;
    Duration in = milliseconds(1 + random.below(60'000));
    at.start(alarm, in);
    TimePoint deadline = alarm.timer.deadline();
    while (alarm.fired == 0) at.pass(milliseconds(10), milliseconds(10));
    ASSERT_GE(at.clock.now(), deadline);
    ASSERT_LE(at.clock.now(), deadline + milliseconds(20));
  }
}

TEST(TimerWheel, a_gap_of_any_length_fires_all_that_is_due) {
  for (Duration gap : {Duration(seconds(1)), Duration(seconds(700)), Duration(hours(24 * 30))}) {
    Wheel at;
    Alarm soon, later, beyond;
    at.start(soon, milliseconds(30));
    at.start(later, gap - milliseconds(500));
    at.start(beyond, gap + seconds(5));
    at.clock.advance(gap);
    at.wheel.advance(at.clock.now());
    EXPECT_EQ(soon.fired, 1);
    EXPECT_EQ(later.fired, 1);
    EXPECT_EQ(beyond.fired, 0);
    at.pass(seconds(6), milliseconds(10));
    EXPECT_EQ(beyond.fired, 1);
  }
}

// A clock that has run for more than 46 hours, and deadlines that lie further off than that.
TEST(TimerWheel, restarts_far_from_the_clock_s_beginning) {
  Wheel at;
  at.clock.advance(hours(24 * 700));
  at.wheel.advance(at.clock.now());
  Alarm alarm;
  for (Duration in : {Duration(hours(24 * 36'500)), Duration(hours(60)), Duration(hours(1)), Duration(seconds(70)), Duration(seconds(30)),
                      Duration(seconds(80))}) {
    at.start(alarm, in);
    at.pass(seconds(1), milliseconds(100));
    EXPECT_GE(alarm.timer.deadline() + seconds(1), at.clock.now() + in);
    EXPECT_EQ(alarm.fired, 0);
  }
  at.pass(seconds(78), milliseconds(100));
  EXPECT_EQ(alarm.fired, 0);
  at.pass(seconds(2), milliseconds(100));
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_EQ(alarm.timer.deadline(), kNever);
  EXPECT_EQ(sizeof(Timer), 32u);
}

TEST(TimerWheel, a_restart_to_later_moves_the_deadline) {
  Wheel at;
  Alarm alarm;
  at.start(alarm, milliseconds(100));
  for (int i = 0; i < 50; ++i) {
    at.pass(milliseconds(50), milliseconds(10));
    at.start(alarm, milliseconds(100));
  }
  EXPECT_EQ(alarm.fired, 0);
  at.pass(milliseconds(120), milliseconds(10));
  EXPECT_EQ(alarm.fired, 1);
}

TEST(TimerWheel, a_restart_to_earlier_fires_at_the_earlier_time) {
  Wheel at;
  Alarm alarm;
  at.start(alarm, hours(1));
  at.start(alarm, milliseconds(50));
  at.pass(milliseconds(70), milliseconds(10));
  EXPECT_EQ(alarm.fired, 1);
  at.pass(hours(2), milliseconds(100));
  EXPECT_EQ(alarm.fired, 1);
}

TEST(TimerWheel, a_stopped_or_destroyed_timer_stays_silent) {
  Wheel at;
  Alarm stopped;
  auto destroyed = std::make_unique<Alarm>();
  at.start(stopped, milliseconds(50));
  at.start(*destroyed, milliseconds(50));
  stopped.timer.stop();
  destroyed.reset();
  at.pass(seconds(1), milliseconds(10));
  EXPECT_EQ(stopped.fired, 0);
  at.start(stopped, milliseconds(50));
  at.pass(milliseconds(70), milliseconds(10));
  EXPECT_EQ(stopped.fired, 1);
}

TEST(TimerWheel, an_owner_may_restart_stop_and_destroy_while_it_fires) {
  Wheel at;
  Alarm first, second;
  auto third = std::make_unique<Alarm>();
  first.act = [&] {
    at.start(first, milliseconds(100));
    second.timer.stop();
    third.reset();
  };
  at.start(first, milliseconds(50));
  at.start(second, milliseconds(50));
  at.start(*third, milliseconds(50));
  at.pass(milliseconds(70), milliseconds(10));
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(second.fired, 0);
  first.act = nullptr;
  at.pass(milliseconds(120), milliseconds(10));
  EXPECT_EQ(first.fired, 2);
}

TEST(TimerWheel, pace_is_fast_only_while_something_is_due_soon) {
  Wheel at;
  EXPECT_EQ(at.wheel.pace(), Duration::zero());
  Alarm far, near;
  at.start(far, seconds(30));
  EXPECT_EQ(at.wheel.pace(), TimerWheel::kSlowTick);
  at.start(near, milliseconds(200));
  EXPECT_EQ(at.wheel.pace(), TimerWheel::kTick);
  at.pass(milliseconds(700), milliseconds(10));
  EXPECT_EQ(at.wheel.pace(), TimerWheel::kSlowTick);
  at.pass(seconds(30), milliseconds(100));
  EXPECT_EQ(at.wheel.pace(), Duration::zero());
}

TEST(TimerWheel, at_the_slow_pace_it_is_at_most_a_slow_tick_late) {
  for (int in = 1000; in < 45'000; in += 997) {
    Wheel at;
    Alarm alarm;
    at.start(alarm, milliseconds(in));
    TimePoint deadline = alarm.timer.deadline();
    while (alarm.fired == 0) at.pass(at.wheel.pace(), at.wheel.pace());
    EXPECT_GE(at.clock.now(), deadline);
    EXPECT_LE(at.clock.now(), deadline + TimerWheel::kSlowTick + TimerWheel::kTick) << in;
  }
}

}  // namespace
}  // namespace sluice
