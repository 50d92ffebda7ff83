// Asks all workers what they have in flight, and puts their answers together. A worker that does not answer soon is not
// waited for: whoever asks wants to know why the gateway hangs.
#pragma once

#include <memory>
#include <vector>

#include "base/list.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "proxy/in_flight.h"

namespace sluice::control {

class Worker;

class Survey final : public std::enable_shared_from_this<Survey>, private Timer::Owner {
 public:
  /// Workers get this long.
  static constexpr Duration kPatience = std::chrono::seconds(1);

  /// Somebody who asked. May be destroyed before the answer.
  class Waiter : public ListHook<class SurveyWaiterTag> {
   public:
    /// `silent`: workers that did not answer
    virtual void on_surveyed(const proxy::InFlightReport& report, size_t silent) = 0;
   protected:
    ~Waiter() = default;
    void stop_waiting() { unlink(); }
  };

  Survey(Loop& loop, Mailbox& mailbox, proxy::InFlightQuery query)
      : loop_(&loop), mailbox_(&mailbox), query_(std::move(query)) {}

  /// Once. needs: the keeper's thread, as all but answer() does
  void ask(const std::vector<std::unique_ptr<Worker>>& workers);
  /// Tells the waiter, at once if the answers are there.
  void join(Waiter& waiter);
  bool is_younger_than(Duration age) const { return !told_ || loop_->clock().now() - told_at_ < age; }

  const proxy::InFlightQuery& query() const { return query_; }
  /// From a worker's thread, which gives the survey back with it.
  static void answer(std::shared_ptr<Survey> survey, proxy::InFlightReport report);

 private:
  void add(proxy::InFlightReport report);
  void on_timer(Timer&) override { tell(); }
  void tell();

  Loop* loop_;
  Mailbox* mailbox_;
  const proxy::InFlightQuery query_;
  proxy::InFlightReport report_;
  size_t missing_ = 0;       // workers that have not answered
  bool told_ = false;
  TimePoint told_at_{};
  List<Waiter, SurveyWaiterTag> waiting_;
  Timer timer_;
};

}  // namespace sluice::control
