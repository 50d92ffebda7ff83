#include "export/delivery.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::exporting {

Delivery::~Delivery() {
  queue_->count_dropped(records_.size());
  queue_->done(piece_.size());
  queue_->drop_all();
}

void Delivery::go_on() {
  if (!piece_.empty()) return;   // under way
  while (load()) {
    if (deliver() == Outcome::later) return;
    settle();
  }
}

bool Delivery::load() {
  piece_ = queue_->next();
  std::string_view rest = piece_;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.empty()) records_.push_back(line);
  }
  return !piece_.empty();
}

void Delivery::settle() {
  timer_.stop();
  records_.clear();
  queue_->done(piece_.size());
  piece_.clear();
  pause_ = kPauseMin;
  if (std::exchange(failing_, false)) LOG(info, "audit records are passed on again", kv("to", queue_->name()));
}

void Delivery::finish() {
  settle();
  go_on();
}

void Delivery::fail_for_now(std::string_view why) {
  if (!std::exchange(failing_, true)) {
    queue_->count_failure();
    LOG(error, "audit records are not passed on", kv("to", queue_->name()), kv("reason", why));
  }
  expecting_ = false;
  timer_.start(loop_->timers(), loop_->clock().now() + pause_, *this);
  pause_ = std::min(2 * pause_, kPauseMax);
}

void Delivery::wait() {
  expecting_ = false;
  timer_.start(loop_->timers(), loop_->clock().now() + kSoon, *this);
}

void Delivery::expect_within(Duration patience) {
  expecting_ = true;
  timer_.start(loop_->timers(), loop_->clock().now() + patience, *this);
}

void Delivery::drop_first(std::string_view why) {
  LOG(error, "audit record not passed on", kv("to", queue_->name()), kv("bytes", records_.front().size()), kv("reason", why));
  queue_->count_dropped(1);
  records_.erase(records_.begin());
}

void Delivery::on_timer(Timer&) {
  if (std::exchange(expecting_, false)) return on_overdue();
  if (deliver() == Outcome::done) finish();
}

}  // namespace sluice::exporting
