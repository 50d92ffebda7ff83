// The one verb: an event records a fact and marks a Task ready; the drain runs it until it waits.
// Pure scheduling, no libuv: tests drive a Scheduler by hand.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/list.h"

namespace sluice {

class Scheduler;

enum class Next : uint8_t {
  again,   // call advance() again at once
  wait,    // until ready() is called
  stop,    // finished: advance() is not called again
};

/// Something that goes forward in steps. Lives until it is released by a Deferred.
class Task : private ListHook<class ReadyTag> {
 public:
  explicit Task(Scheduler& scheduler) : scheduler_(&scheduler) {}
  Task(const Task&) = delete;
  /// Puts the task on the ready list; no effect when it is there already.
  void ready();

 protected:
  ~Task() = default;
  virtual Next advance() = 0;
  Scheduler& scheduler() const { return *scheduler_; }

 private:
  friend class Scheduler;
  template <class T, class Tag> friend class List;
  Scheduler* scheduler_;
};

/// Holds output that wants one system call. flush() may run any number of turns later and must not destroy.
class Flushable : private ListHook<class FlushTag> {
 public:
  Flushable() = default;

 protected:
  ~Flushable() = default;
  virtual void flush() = 0;
  bool flush_pending() const { return linked(); }
  void forget_flush() { unlink(); }

 private:
  friend class Scheduler;
  template <class T, class Tag> friend class List;
};

/// Something whose memory goes away at the end of the drain, when no caller of its own is on the stack.
class Deferred : private ListHook<class DeferredTag> {
 public:
  Deferred() = default;

 protected:
  ~Deferred() = default;
  virtual void release() = 0;   // destroys *this

 private:
  friend class Scheduler;
  template <class T, class Tag> friend class List;
};

class Scheduler {
 public:
  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void ready(Task& task) { if (!task.linked()) ready_.push_back(task); }
  /// At the end of this drain: output so large that its sender waits for room.
  void flush_soon(Flushable& output) {
    output.unlink();
    soon_.push_back(output);
  }
  /// Once in this loop turn, after all its callbacks: the kernel's way out stays in the caches.
  void flush_late(Flushable& output) { if (!output.linked()) late_.push_back(output); }
  void defer(Deferred& dead) { if (!dead.linked()) dead_.push_back(dead); }

  /// Brackets every callback from outside; the outermost one drains when it ends.
  class Turn {
   public:
    explicit Turn(Scheduler& scheduler) : scheduler_(&scheduler) { ++scheduler.depth_; }
    Turn(const Turn&) = delete;
    ~Turn() {
      if (scheduler_->depth_ == 1) scheduler_->drain();
      --scheduler_->depth_;
    }

   private:
    Scheduler* scheduler_;
  };

  /// The end of the loop's turn: writes what flush_late collected, then drains.
  void flush_turn();
  bool idle() const { return ready_.empty() && soon_.empty() && late_.empty() && dead_.empty(); }

 private:
  void drain();

  List<Task, ReadyTag> ready_;
  List<Flushable, FlushTag> soon_;
  List<Flushable, FlushTag> late_;
  List<Deferred, DeferredTag> dead_;
  int depth_ = 0;
};

inline void Task::ready() { scheduler_->ready(*this); }

}  // namespace sluice
