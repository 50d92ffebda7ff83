#include "loop/task.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace sluice {
namespace {

using Trace = std::vector<std::string>;

struct Step final : Task {
  Step(Scheduler& s, Trace& t, std::string n) : Task(s), trace(t), name(std::move(n)) {}
  Next advance() override {
    trace.push_back(name);
    return act ? act() : Next::wait;
  }
  Trace& trace;
  std::string name;
  std::function<Next()> act;
};

struct Output final : Flushable {
  Output(Trace& t, std::string n) : trace(t), name(std::move(n)) {}
  void flush() override {
    trace.push_back(name);
    if (act) act();
  }
  using Flushable::flush_pending;
  using Flushable::forget_flush;
  Trace& trace;
  std::string name;
  std::function<void()> act;
};

struct Dead final : Deferred {
  explicit Dead(Trace& t) : trace(t) {}
  void release() override {
    trace.push_back("dead");
    delete this;
  }
  Trace& trace;
};

TEST(Scheduler, runs_tasks_in_the_order_they_became_ready) {
  Scheduler scheduler;
  Trace trace;
  Step a(scheduler, trace, "a"), b(scheduler, trace, "b");
  {
    Scheduler::Turn turn(scheduler);
    b.ready();
    a.ready();
    b.ready();  // there already
    EXPECT_TRUE(trace.empty());
  }
  EXPECT_EQ(trace, (Trace{"b", "a"}));
}

TEST(Scheduler, drains_only_when_the_outermost_turn_ends) {
  Scheduler scheduler;
  Trace trace;
  Step a(scheduler, trace, "a");
  Scheduler::Turn outer(scheduler);
  {
    Scheduler::Turn inner(scheduler);
    a.ready();
  }
  EXPECT_TRUE(trace.empty());
}

TEST(Scheduler, what_becomes_ready_while_draining_joins_the_same_drain) {
  Scheduler scheduler;
  Trace trace;
  Step a(scheduler, trace, "a"), b(scheduler, trace, "b");
  a.act = [&] {
    Scheduler::Turn nested(scheduler);
    b.ready();
    return Next::wait;
  };
  {
    Scheduler::Turn turn(scheduler);
    a.ready();
  }
  EXPECT_EQ(trace, (Trace{"a", "b"}));
  EXPECT_TRUE(scheduler.idle());
}

TEST(Scheduler, again_repeats_before_anything_else) {
  Scheduler scheduler;
  Trace trace;
  Step a(scheduler, trace, "a"), b(scheduler, trace, "b");
  int left = 2;
  a.act = [&] { return left-- > 0 ? Next::again : Next::stop; };
  {
    Scheduler::Turn turn(scheduler);
    a.ready();
    b.ready();
  }
  EXPECT_EQ(trace, (Trace{"a", "a", "a", "b"}));
}

TEST(Scheduler, order_is_tasks_then_flushes_then_deaths) {
  Scheduler scheduler;
  Trace trace;
  Step a(scheduler, trace, "a");
  Output output(trace, "flush");
  {
    Scheduler::Turn turn(scheduler);
    scheduler.defer(*new Dead(trace));
    scheduler.flush_soon(output);
    a.ready();
  }
  EXPECT_EQ(trace, (Trace{"a", "flush", "dead"}));
}

TEST(Scheduler, a_flush_that_makes_a_task_ready_is_followed_by_it) {
  Scheduler scheduler;
  Trace trace;
  Step a(scheduler, trace, "a");
  Output output(trace, "flush");
  output.act = [&] { a.ready(); };
  {
    Scheduler::Turn turn(scheduler);
    scheduler.defer(*new Dead(trace));
    scheduler.flush_soon(output);
  }
  EXPECT_EQ(trace, (Trace{"flush", "a", "dead"}));
}

TEST(Scheduler, late_output_waits_for_the_end_of_the_turn) {
  Scheduler scheduler;
  Trace trace;
  Output output(trace, "late");
  {
    Scheduler::Turn turn(scheduler);
    scheduler.flush_late(output);
    scheduler.flush_late(output);
  }
  EXPECT_TRUE(trace.empty());
  EXPECT_TRUE(output.flush_pending());
  scheduler.flush_turn();
  EXPECT_EQ(trace, Trace{"late"});
  EXPECT_TRUE(scheduler.idle());
}

TEST(Scheduler, output_that_was_forgotten_or_destroyed_is_not_flushed) {
  Scheduler scheduler;
  Trace trace;
  Output kept(trace, "kept");
  scheduler.flush_late(kept);
  {
    Output gone(trace, "gone");
    scheduler.flush_late(gone);
  }
  kept.forget_flush();
  scheduler.flush_turn();
  EXPECT_TRUE(trace.empty());
}

TEST(Scheduler, a_task_destroyed_while_ready_is_not_run) {
  Scheduler scheduler;
  Trace trace;
  {
    Scheduler::Turn turn(scheduler);
    Step gone(scheduler, trace, "gone");
    gone.ready();
  }
  EXPECT_TRUE(trace.empty());
}

}  // namespace
}  // namespace sluice
