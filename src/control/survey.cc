#include "control/survey.h"

#include "control/worker.h"

namespace sluice::control {

void Survey::ask(const std::vector<std::unique_ptr<Worker>>& workers) {
  missing_ = workers.size();
  if (missing_ == 0) return tell();
  timer_.start(loop_->timers(), loop_->clock().now() + kPatience, *this);
  for (const auto& worker : workers) worker->look(shared_from_this());
}

void Survey::join(Waiter& waiter) {
  if (told_) return waiter.on_surveyed(report_, missing_);
  waiting_.push_back(waiter);
}

void Survey::answer(std::shared_ptr<Survey> survey, proxy::InFlightReport report) {
  Mailbox& keeper = *survey->mailbox_;
  keeper.post_work([survey = std::move(survey), report = std::move(report)]() mutable { survey->add(std::move(report)); });
}

void Survey::add(proxy::InFlightReport report) {
  if (told_) return;   // too late
  report_.add(std::move(report), query_.rows_max);
  if (--missing_ == 0) tell();
}

void Survey::tell() {
  timer_.stop();
  told_ = true;
  told_at_ = loop_->clock().now();
  while (!waiting_.empty()) waiting_.pop_front().on_surveyed(report_, missing_);
}

}  // namespace sluice::control
