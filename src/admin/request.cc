#include "admin/request.h"

#include "admin/in_flight_page.h"
#include "admin/status_page.h"
#include "base/log.h"
#include "http/date.h"

namespace sluice::admin {

namespace {
constexpr std::string_view kText = "text/plain; charset=utf-8";
}

void Request::on_end() {
  if (peer_.refused) return answer(overloaded_page(*head_), false);
  switch (need_of(*head_, peer_)) {
    case Need::reload: return reload();
    case Need::count: return keeper_->count_in_flight(*this);
    case Need::look: case Need::close: return look();
    case Need::nothing: break;
  }
  if (is_key_list(*head_, peer_)) (void)on_record("keys");
  answer(make_page(*head_, *keeper_, peer_), true);
}

// gives: who it is
std::string Request::on_record(std::string_view action) {
  LOG(info, "control request", kv("action", action), kv("uid", peer_.uid), kv("pid", peer_.pid));
  return "uid " + std::to_string(peer_.uid) + ", pid " + std::to_string(peer_.pid);
}

// Whoever changes something is on record, whatever comes of it.
void Request::reload() {
  std::string by = on_record("reload");
  keeper_->process().logs.control({.action = "reload_asked", .by = by}, keeper_->loop().clock().wall());
  keeper_->reload(this);
}

void Request::look() {
  auto query = read_in_flight_query(head_->query);
  bool closes = need_of(*head_, peer_) == Need::close;
  if (!query) return answer({400, kText, query.error() + '\n'}, true);
  if (closes && !query->selects()) return answer({400, kText, "say which: by route, subject, consumer, credential or request_id\n"}, true);
  std::string by = on_record(closes ? "close_connections" : "connections");
  query->close = closes;
  if (closes) {
    keeper_->process().logs.control({.action = "connections_closed", .by = by, .detail = head_->query},
                                    keeper_->loop().clock().wall());
  }
  keeper_->survey(*std::move(query), *this);
}

void Request::on_surveyed(const proxy::InFlightReport& report, size_t silent) {
  LoopTurn turn(keeper_->loop());
  bool status = need_of(*head_, peer_) == Need::count;
  answer({200, "application/json", status ? status_page(*keeper_, report, silent) : in_flight_page(report, silent)}, true);
}

void Request::on_reloaded(const control::ReloadReport& report) {
  LoopTurn turn(keeper_->loop());
  uint16_t status = report.result == control::ReloadResult::refused ? 422 : 200;
  answer({status, kText, report.text}, true);
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
  control::Reload::Waiter::stop_waiting();
  control::Survey::Waiter::stop_waiting();
  pump_.clear();
  keeper_->loop().scheduler().defer(*this);
}

}  // namespace sluice::admin
