// One place that audit records are brought to: takes them from its queue a piece at a time, in order, and tries again
// for as long as it takes. On the courier's loop. How: syslog_delivery.h, redis_delivery.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "export/copy_queue.h"
#include "loop/loop.h"
#include "loop/timer.h"

namespace sluice::exporting {

class Delivery : protected Timer::Owner {
 public:
  /// After a failure, doubled with each one that follows it.
  static constexpr Duration kPauseMin = std::chrono::milliseconds(100);
  static constexpr Duration kPauseMax = std::chrono::seconds(5);

  Delivery(Loop& loop, std::shared_ptr<CopyQueue> queue) : loop_(&loop), queue_(std::move(queue)) {}
  Delivery(const Delivery&) = delete;
  /// What is left counts as dropped.
  virtual ~Delivery();

  CopyQueue& queue() { return *queue_; }
  /// There may be records.
  void go_on();

 protected:
  enum class Outcome : uint8_t {
    done,    // records() is empty
    later,   // finish(), fail_for_now() or wait() was or will be called
  };
  /// Brings records() to their place, from the first on, and takes away what is there.
  virtual Outcome deliver() = 0;

  std::vector<std::string_view>& records() { return records_; }
  Loop& loop() { return *loop_; }
  /// What deliver() left for later is done.
  void finish();
  /// The place takes nothing now: deliver() again after a while.
  void fail_for_now(std::string_view why);
  /// The place is busy: deliver() again soon.
  void wait();
  /// on_overdue() comes unless one of these three is called within `patience`.
  void expect_within(Duration patience);
  virtual void on_overdue() {}
  /// The first record cannot be brought there, ever.
  void drop_first(std::string_view why);

 private:
  static constexpr Duration kSoon = std::chrono::milliseconds(10);

  void on_timer(Timer&) override;
  bool load();
  void settle();

  Loop* loop_;
  std::shared_ptr<CopyQueue> queue_;
  std::string piece_;
  std::vector<std::string_view> records_;   // of piece_: those that are not there yet
  Timer timer_;
  Duration pause_ = kPauseMin;
  bool expecting_ = false;   // what timer_ is for
  bool failing_ = false;
};

}  // namespace sluice::exporting
