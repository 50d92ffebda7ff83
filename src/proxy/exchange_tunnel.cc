#include "proxy/exchange.h"
#include "proxy/tunnels.h"
#include "proxy/websocket.h"

namespace sluice::proxy {

using http::End;

// After the policies, which may have more to say to who asks for something else.
Next Exchange::accept_websocket() {
  if (const Problem* problem = check_websocket_request(*request_)) return fail(*problem);
  if (!request_pump_.empty_message()) return fail(kBadWebSocketHandshake);
  request_->upgrade = kWebSocket;
  accept_ = websocket_accept(*request_, arena_);
  return go(Step::pick);
}

// Filters of a body see that there is none; it stays none.
const Problem* Exchange::ask_filters(policy::BodyFilter* filters) {
  for (policy::BodyFilter* filter = filters; filter; filter = filter->next) {
    Chain none;
    policy::Verdict verdict = filter->feed(none, End::yes);
    if (verdict.kind() == policy::Verdict::Kind::refuse) return verdict.problem();
  }
  return nullptr;
}

bool Exchange::is_switch() const { return !accept_.empty() && is_websocket_response(*response_, accept_); }

// The upstream speaks something else on that connection: it is used no more, and nothing of it goes on.
Next Exchange::refuse_switch() {
  leave_upstream(upstream::Outcome::served);
  response_pump_.clear();
  return fail(kUpstreamUpgrade);
}

Next Exchange::send_switch() {
  response_->upgrade = kWebSocket;
  response_->content_length.reset();
  head_sent_ = true;
  client_stream_->send_head(*response_, End::no);
  return go(Step::tunnel);
}

Next Exchange::do_tunnel() {
  timer_.stop();
  observe::AccessRecord record;
  record.request_id = request_id_;
  record.client_ip = client_.ip;
  if (client_facts_->listener) record.listener = client_facts_->listener->name;
  record.authority = authority_;
  record.path = path_;
  const policy::Identity* identity = call_.identity();
  TimePoint expires = kNever;
  bool ends = route_->websocket->on_expiry == route::OnExpiry::close;
  if (ends && identity != nullptr && identity->expires != WallTime::max()) {
    expires = parts().clock.now() + (identity->expires - parts().clock.wall());
  }
  std::string_view handle = identity != nullptr ? identity->handle : std::string_view{};
  last_endpoint_ = arena_.copy(endpoint_->name());
  engine_->tunnels_->open(snapshot::find_route(snapshot(), route_->name), *upstream_,
                          {.client = *std::exchange(client_stream_, nullptr),
                           .upstream = std::exchange(upstream_stream_, nullptr),
                           .endpoint = std::exchange(endpoint_, nullptr),
                           .early = response_pump_.take_held(),
                           .upstream_ended = response_whole_,
                           .expires = expires,
                           .names = KeptNames(record, audit_record(101), handle)});
  return go(Step::finish);
}

}  // namespace sluice::proxy
