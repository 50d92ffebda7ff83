#include <algorithm>

#include "http/rules.h"
#include "proxy/exchange.h"
#include "proxy/grpc_web.h"

namespace sluice::proxy {

void Exchange::begin_grpc(GrpcForm form) {
  grpc_ = form;
  if (auto timeout = grpc_timeout(request_->fields)) {
    until_ = parts().clock.now() + std::min<Duration>(*timeout, kGrpcTimeoutMax);
  }
}

// Behind the filters of policies, which see what the client has sent.
policy::BodyFilter* Exchange::with_grpc_web_text(policy::BodyFilter* filters) {
  policy::BodyFilter* text = arena_.make<GrpcWebText>(parts().blocks);
  if (filters == nullptr) return text;
  policy::BodyFilter* last = filters;
  while (last->next) last = last->next;
  last->next = text;
  return filters;
}

void Exchange::begin_grpc_answer(const http::Head& head) {
  hear_grpc_status(head.fields);
  if (speaks_grpc_web() && http::is_grpc(head)) grpc_answer_ = arena_.make<GrpcWebAnswer>(grpc_, parts().blocks);
}

// How the call ended, from its trailers or from a head that is all.
void Exchange::hear_grpc_status(const http::Fields& fields) {
  if (auto code = grpc_status(fields)) grpc_status_ = *code;
}

// The client's patience is over, or the upstream's: who was it?
const Problem& Exchange::too_late() const {
  return parts().clock.now() >= until_ ? kDeadlineExceeded : kUpstreamTimeout;
}

// Servers keep the deadline too, and cancel; what gRPC's own clients make of such a reset.
const Problem* Exchange::deadline_kept_by(const Error& why) const {
  bool cancelled = why.side == Side::upstream && why.code == Code::cancelled;
  return cancelled && parts().clock.now() >= until_ ? &kDeadlineExceeded : nullptr;
}

// Past the response's head a call has its trailers yet: what has come goes out, and they say why nothing follows.
bool Exchange::end_in_trailers(const Problem& problem) {
  bool open = grpc_ == GrpcForm::grpc && client_stream_ != nullptr && !from_us_ && !response_->content_length;
  if (!open || response_pump_.done()) return false;
  auto* trailers = arena_.make<http::Fields>(arena_);
  GrpcStatus status = grpc_status_of(problem);
  grpc_status_ = status.code;
  add_grpc_status(status.code, status.message, *trailers);
  client_stream_->send_trailers(*trailers);
  return true;
}

void Exchange::count_grpc() {
  if (client_error_.side == Side::client && client_error_ && grpc_status_ == observe::kNoGrpcStatus) {
    constexpr uint8_t kCancelled = 1;
    grpc_status_ = kCancelled;
  }
  // Codes that a server, or another proxy before it, has for methods that are not there.
  constexpr uint8_t kPermissionDenied = 7, kUnimplemented = 12, kUnavailable = 14, kUnauthenticated = 16;
  bool answered = response_ != nullptr && !from_us_ && problem_ == nullptr && !client_error_;
  bool exists = answered && grpc_status_ != observe::kNoGrpcStatus && grpc_status_ != kPermissionDenied &&
                grpc_status_ != kUnimplemented && grpc_status_ != kUnavailable && grpc_status_ != kUnauthenticated;
  uint32_t route = route_ ? route_->metric.id() : observe::kUnrouted;
  parts().shard.grpc(route).count(grpc_method(path_), grpc_status_, exists);
}

}  // namespace sluice::proxy
