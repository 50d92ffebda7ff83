#include "loop/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace sluice {
namespace {

using std::chrono::milliseconds;

struct Alarm final : Timer::Owner {
  explicit Alarm(std::function<void()> a) : act(std::move(a)) {}
  void on_timer(Timer&) override { act(); }
  Timer timer;
  std::function<void()> act;
};

/// Keeps the loop alive: the loop's own handles do not.
class KeepAlive {
 public:
  explicit KeepAlive(Loop& loop) { uv_async_init(loop.uv(), &async_, nullptr); }
  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr); }

 private:
  uv_async_t async_;
};

TEST(Loop, ends_when_nothing_is_left_to_wait_for) {
  Loop loop;
  loop.run();
  EXPECT_TRUE(loop.scheduler().idle());
}

TEST(Loop, drives_the_timer_wheel_from_sleep) {
  Loop loop;
  KeepAlive alive(loop);
  TimePoint begun = loop.clock().precise();
  Alarm alarm([&] { alive.close(); });
  alarm.timer.start(loop.timers(), loop.clock().now() + milliseconds(30), alarm);
  loop.run();
  EXPECT_GE(loop.clock().precise() - begun, milliseconds(29));
  EXPECT_FALSE(alarm.timer.active());
}

// gives: how late a timer of 20 ms fires that is started after 1.2 s without any
Duration first_timer_after_idle_time() {
  Loop loop;
  KeepAlive alive(loop);
  uv_timer_t sleeper;  // 1.2 s without a timer on the wheel, so that the wheel lags behind
  uv_timer_init(loop.uv(), &sleeper);
  TimePoint started, fired;
  Alarm alarm([&] {
    fired = loop.clock().now();
    alive.close();
  });
  std::function<void()> start = [&] {
    started = loop.clock().now();
    alarm.timer.start(loop.timers(), started + milliseconds(20), alarm);
    uv_close(reinterpret_cast<uv_handle_t*>(&sleeper), nullptr);
  };
  sleeper.data = &start;
  uv_timer_start(
      &sleeper, [](uv_timer_t* t) { (*static_cast<std::function<void()>*>(t->data))(); }, 1200, 0);
  loop.run();
  return fired - started;
}

TEST(Loop, the_first_timer_after_a_long_idle_time_is_not_a_slow_tick_late) {
  Duration took{};
  for (int tries = 0; tries < 5; ++tries) {   // a busy machine is late now and then, a slow tick always
    took = first_timer_after_idle_time();
    EXPECT_GE(took, milliseconds(20));
    if (took < milliseconds(90)) return;
  }
  ADD_FAILURE() << took.count() << " ns";
}

TEST(Loop, the_read_block_is_replaced_only_when_somebody_kept_it) {
  Loop loop;
  Block& first = loop.read_block(BlockPool::kRead);
  EXPECT_EQ(&loop.read_block(BlockPool::kRead), &first);
  Chain kept;
  kept.append(Slice{&first, first.data(), 10});
  Block& second = loop.read_block(BlockPool::kRead);
  EXPECT_NE(&second, &first);
  EXPECT_GE(loop.read_block(BlockPool::kBulk).capacity(), BlockPool::kBulk);
}

TEST(Loop, counts_a_turn_that_stalls) {
  Loop loop;
  uv_async_t async;
  uv_async_init(loop.uv(), &async, [](uv_async_t* handle) {
    uint64_t end = uv_hrtime() + 120'000'000;  // busy, as a stalled callback is
    while (uv_hrtime() < end) {
    }
    uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
  });
  uv_async_send(&async);
  KeepAlive alive(loop);
  Alarm alarm([&] { alive.close(); });
  alarm.timer.start(loop.timers(), loop.clock().now() + milliseconds(200), alarm);
  loop.run();
  EXPECT_EQ(loop.stalls().value(), 1u);
}

/// One end of a pair of sockets.
struct Ear final : Watcher {
  explicit Ear(bool& gone) : gone_(&gone) {}
  void on_ready(uint32_t events) override { heard |= events; }
  void on_buried() override {
    *gone_ = true;
    delete this;
  }
  uint32_t heard = 0;

 private:
  bool* gone_;
};

TEST(Loop, tells_of_a_socket_as_long_as_it_is_watched_and_lives_as_long) {
  Loop loop;
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  bool gone = false;
  auto* ear = new Ear(gone);
  ASSERT_EQ(loop.watch(pair[0], EPOLLIN, *ear), 0);
  EXPECT_EQ(loop.watch(pair[0], EPOLLIN, *ear), EEXIST);
  ASSERT_EQ(write(pair[1], "x", 1), 1);
  EXPECT_TRUE(loop.run_once());
  EXPECT_EQ(ear->heard, uint32_t{EPOLLIN});
  ear->heard = 0;
  loop.rewatch(pair[0], EPOLLOUT, *ear);
  EXPECT_TRUE(loop.run_once());
  EXPECT_EQ(ear->heard, uint32_t{EPOLLOUT});
  loop.unwatch(pair[0]);
  loop.bury(*ear);
  EXPECT_FALSE(gone);
  EXPECT_FALSE(loop.run_once());   // nothing is left to wait for
  EXPECT_TRUE(gone);
  close(pair[0]);
  close(pair[1]);
}

TEST(Loop, the_cached_clocks_agree_with_the_system) {
  Loop loop;
  auto wall = loop.clock().wall();
  EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now() - wall), std::chrono::seconds(5));
  EXPECT_LT(loop.clock().precise() - loop.clock().now(), std::chrono::seconds(5));
}

TEST(Loop, a_stop_left_over_does_not_break_its_end) {
  Loop loop;
  loop.stop();
}

}  // namespace
}  // namespace sluice
