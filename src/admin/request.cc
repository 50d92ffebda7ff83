#include "admin/request.h"

#include "base/log.h"
#include "http/date.h"

namespace sluice::admin {

void Request::on_end() {
  if (peer_.refused) return answer(overloaded_page(*head_), false);
  if (is_key_list(*head_, peer_))
    LOG(info, "control request", kv("action", "keys"), kv("uid", peer_.uid), kv("pid", peer_.pid));
  if (!is_reload(*head_, peer_)) return answer(make_page(*head_, *keeper_, peer_), true);
  // Whoever changes something is on record, whatever comes of it.
  LOG(info, "control request", kv("action", "reload"), kv("uid", peer_.uid), kv("pid", peer_.pid));
  std::string by = "uid " + std::to_string(peer_.uid) + ", pid " + std::to_string(peer_.pid);
  keeper_->process().logs.control({.action = "reload_asked", .by = by}, keeper_->loop().clock().wall());
  keeper_->reload(this);
}

void Request::on_reloaded(const control::ReloadReport& report) {
  LoopTurn turn(keeper_->loop());
  uint16_t status = report.result == control::ReloadResult::refused ? 422 : 200;
  answer({status, "text/plain; charset=utf-8", report.text}, true);
}

void Request::answer(const Page& page, bool keep_alive) {
  Loop& loop = keeper_->loop();
  http::Head response(arena_);
  response.status = page.status;
  response.keep_alive = keep_alive;
  response.content_length = page.body.size();
  response.fields.add(http::FieldId::content_type, page.content_type);
  response.fields.add(http::FieldId::cache_control, "no-store");
  if (!page.allow.empty()) response.fields.add(http::FieldId::allow, page.allow);
  if (!page.retry_after.empty()) response.fields.add(http::FieldId::retry_after, page.retry_after);
  char* date = arena_.text(http::kDateBytes);
  http::write_date(date, loop.clock().wall());
  response.fields.add(http::FieldId::date, {date, http::kDateBytes});
  stream_->send_head(response, http::End::no);
  Chain body;
  body.append_copy(loop.blocks(), page.body);
  pump_.start(nullptr, *stream_, nullptr);
  pump_.push(std::move(body));
  pump_.end();
  go_on();
}

void Request::go_on() {
  if (stream_ == nullptr || pump_.run(keeper_->loop().blocks()) != proxy::Pump::State::done) return;
  std::exchange(stream_, nullptr)->detach();
  end();
}

void Request::end() {
  stop_waiting();
  pump_.clear();
  keeper_->loop().scheduler().defer(*this);
}

}  // namespace sluice::admin
