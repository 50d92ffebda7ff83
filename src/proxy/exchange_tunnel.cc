#include "base/time_left.h"
#include "proxy/exchange.h"
#include "proxy/tunnels.h"
#include "proxy/websocket.h"

namespace sluice::proxy {

using http::End;
using http::FieldId;

// After the policies, which may have more to say to who asks for something else.
Next Exchange::accept_websocket() {
  if (const Problem* problem = check_websocket_request(*request_)) return fail(*problem);
  if (!request_pump_.empty_message()) return fail(kBadWebSocketHandshake);
  request_->upgrade = http::kWebSocket;
  request_->body = http::Body::none;   // servers expect no length of a handshake, not even none
  request_->content_length.reset();
  if (request_->version == http::Version::h2) {   // it has no key: this one is ours, for an HTTP/1.1 upstream
    request_->fields.set(FieldId::sec_websocket_key, websocket_key(parts().random, arena_));
  }
  accept_ = websocket_accept(*request_, arena_);
  limit_extensions(*request_, *route_->websocket);
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

// Any other 101 is no answer; any other status is passed on as it is.
Next Exchange::judge_switch() {
  switches_ = is_switch();
  if (!switches_) return response_->status == 101 ? refuse_switch() : go(Step::amend);
  if (!agreed_extensions(*request_, *response_, *route_->websocket)) {
    switches_ = false;
    return refuse_switch();
  }
  response_->status = switch_status();
  response_->reason = {};
  response_->fields.remove(FieldId::sec_websocket_accept);
  if (request_->version != http::Version::h2) response_->fields.add(FieldId::sec_websocket_accept, accept_);
  return go(Step::amend);
}

/// Over HTTP/2 any 2xx agrees (RFC 8441 section 5): nobody sends one by accident where :protocol was understood.
bool Exchange::is_switch() const {
  if (response_->version == http::Version::h2) return response_->status >= 200 && response_->status < 300;
  return is_websocket_response(*response_, accept_);
}

uint16_t Exchange::switch_status() const { return request_->version == http::Version::h2 ? 200 : 101; }

// The upstream speaks something else on that connection: it is used no more, and nothing of it goes on.
Next Exchange::refuse_switch() {
  leave_upstream(upstream::Outcome::served);
  response_pump_.clear();
  return fail(kUpstreamUpgrade);
}

Next Exchange::send_switch() {
  response_->upgrade = http::kWebSocket;
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
    expires = parts().clock.now() + time_left(identity->expires, parts().clock.wall());
  }
  last_endpoint_ = arena_.copy(endpoint_->name());
  engine_->tunnels_->open(snapshot::find_route(snapshot(), route_->name), *upstream_,
                          {.client = *std::exchange(client_stream_, nullptr),
                           .upstream = std::exchange(upstream_stream_, nullptr),
                           .endpoint = std::exchange(endpoint_, nullptr),
                           .early = response_pump_.take_held(),
                           .upstream_ended = response_whole_,
                           .expires = expires,
                           .client_version = request_->version,
                           .deflate = agreed_extensions(*request_, *response_, *route_->websocket).value_or(http::WsDeflate{}),
                           .names = KeptNames(record, audit_record(switch_status()), identity),
                           .tenure = route_->pipeline.any().end ? route_->pipeline.on_tunnel(call_) : nullptr,
                           .identity = identity});
  return go(Step::finish);
}

}  // namespace sluice::proxy
