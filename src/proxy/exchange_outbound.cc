#include "proxy/exchange.h"
#include "proxy/forward.h"
#include "proxy/grpc_web.h"

namespace sluice::proxy {

using http::End;
using upstream::Lack;
using upstream::Outcome;
using upstream::Reuse;

namespace {

constexpr int kSentAgainMax = 3;   // what a server did not take

const Problem& problem_of(Lack lack) {
  switch (lack) {
    case Lack::unresolved: return kUpstreamUnresolved;
    case Lack::busy: return kUpstreamBusy;
    case Lack::unhealthy: return kUpstreamUnhealthy;
    case Lack::none: case Lack::down: break;
  }
  return kNoEndpoint;
}

const Problem& problem_of(const Error& error) {
  switch (error.code) {
    case Code::connect_timeout: return kUpstreamConnectTimeout;
    case Code::connect_refused: case Code::connect_failed: return kUpstreamUnreachable;
    case Code::tls_failed: return kUpstreamTls;
    case Code::timeout: case Code::stalled: return kUpstreamTimeout;
    case Code::bad_message: case Code::too_large: case Code::unsupported: return kUpstreamBadResponse;
    case Code::resolve_failed: return kUpstreamUnresolved;
    default: return broken_off(error);
  }
}

}  // namespace

Next Exchange::do_pick() {
  if (refused_) return go(Step::reply);
  endpoint_ = tried_.full() ? nullptr : upstream_->pick(tried_);
  if (endpoint_ == nullptr && tried_.forget_refusing()) endpoint_ = upstream_->pick(tried_);
  if (endpoint_ == nullptr) {
    if (upstream_error_) return fail(problem_of(upstream_error_));   // what the last one did says more
    return fail(problem_of(upstream_->lack()));
  }
  if (tried_.size() > 0) ++retries_;   // not the first: the one before could not be reached
  tried_.add(*endpoint_);
  upstream_error_ = {};
  return go(Step::connect);
}

Next Exchange::do_connect() {
  if (refused_) {
    leave_upstream(Outcome::served);
    return go(Step::reply);
  }
  if (upstream_stream_) return go(Step::forward);
  if (upstream_error_.code == Code::overloaded) {   // our own lack: this endpoint is not to blame
    leave_upstream(Outcome::served);
    return fail(kOverloaded);
  }
  if (upstream_error_) {   // the connection could not be made: nothing was sent, another endpoint may do better
    leave_upstream(Outcome::unreachable);
    return go(Step::pick);
  }
  if (timed_out_) {   // only a call has a deadline here; connecting has its own
    leave_upstream(Outcome::served);
    return fail(kDeadlineExceeded);
  }
  if (waits_for_stream_) return Next::wait;
  bool repeatable = http::is_idempotent(request_->method);
  Reuse reuse = fresh_only_ ? Reuse::never : repeatable ? Reuse::any : Reuse::recent;
  upstream_stream_ = upstream_->open(*endpoint_, reuse, *this);
  stream_reused_ = upstream_stream_ != nullptr;
  if (stream_reused_) return go(Step::forward);
  waits_for_stream_ = true;
  waits_since_ = parts().clock.precise();
  if (until_ != kNever) timer_.start(parts().timers, until_, *this);
  return Next::wait;
}

void Exchange::on_opened(http::Stream& stream) {
  waits_for_stream_ = false;
  away_ += parts().clock.precise() - waits_since_;
  upstream_stream_ = &stream;
  ready();
}

void Exchange::on_open_failed(Error why) {
  waits_for_stream_ = false;
  away_ += parts().clock.precise() - waits_since_;
  upstream_error_ = why;
  ready();
}

// Those that came before it was known which route's they are.
void Exchange::clean_request_trailers() {
  http::Fields* trailers = request_pump_.trailers();
  if (trailers == nullptr) return;
  route_->pipeline.on_request_trailers(call_, *trailers);
  request_pump_.trailers(*trailers);
}

Next Exchange::do_forward() {
  if (!prepared_) {
    ForwardFacts facts{route_, trusted_peer_, client_facts_->ip, request_id_, traceparent_};
    if (!prepare_upstream_request(call_, facts)) {
      leave_upstream(Outcome::served);
      return fail(kRewriteFailed);
    }
    if (speaks_grpc_web()) {
      grpc_text_ = is_grpc_web_text(*request_);
      make_grpc(*request_);
    }
    clean_request_trailers();
    prepared_ = true;
  }
  sent_at_ = parts().clock.precise();
  set_deadline(route_->response_timeout);
  policy::BodyFilter* filters =
      route_->pipeline.any().request_body ? route_->pipeline.request_filters(call_) : nullptr;
  if (grpc_text_) filters = with_grpc_web_text(filters);
  if (!accept_.empty()) {
    if (!upstream_stream_->takes_tunnels()) {
      leave_upstream(Outcome::served);
      return fail(kUpstreamNoTunnels);
    }
    if (const Problem* problem = ask_filters(filters)) {
      leave_upstream(Outcome::served);
      return fail(*problem);
    }
    filters = nullptr;   // there is no body, and none may be announced
  }
  if (filters == nullptr && request_pump_.empty_message()) {
    upstream_stream_->send_head(*request_, End::yes);
    request_pump_.finish_empty();
    return go(Step::outcome);
  }
  // A body's blocks are kept only while a dead pooled connection, or a server that takes nothing, may make us send them
  // again.
  if (stream_reused_ || upstream_->is_shared()) request_pump_.keep_replay();
  request_pump_.start(client_stream_, *upstream_stream_, filters);   // first: sending may end the stream at once
  upstream_stream_->send_head(*request_, End::no);
  moved_bytes_ = 0;
  if (grpc_ != GrpcForm::none) set_deadline(patience());
  return go(Step::outcome);
}

// Restarts the deadline when bytes have moved since the last look.
bool Exchange::watch_progress(uint64_t bytes) {
  if (bytes == moved_bytes_) return false;
  moved_bytes_ = bytes;
  set_deadline(patience());
  return true;
}

Next Exchange::do_outcome() {
  if (refused_ && !response_) {
    leave_upstream(Outcome::served);
    return go(Step::reply);
  }
  if (response_) {   // delivered even when the connection failed behind it
    request_pump_.drop_replay();
    return accept_.empty() ? go(Step::amend) : judge_switch();
  }
  if (upstream_error_) return retry_or_fail();
  if (timed_out_) {
    const Problem& why = too_late();
    leave_upstream(Outcome::served);
    return fail(why);
  }
  if (request_pump_.done()) return Next::wait;
  if (request_pump_.run(parts().blocks, parts().pipes) == Pump::State::refused) {
    leave_upstream(Outcome::served);
    return fail(request_pump_.problem());
  }
  // Its end is progress too: from there on the upstream alone is waited for.
  watch_progress(request_pump_.bytes() + (request_pump_.done() ? 1 : 0));
  return Next::wait;
}

// G3: sent again only if nothing was answered, everything sent is still here, and the request is idempotent
// or not a byte of it left the socket. Once, and only because the connection came from the pool; a few times because the
// server says that it has done nothing with it.
bool Exchange::may_retry() const {
  // A bad message that is no answer is left over from the last response.
  bool not_taken = upstream_error_.code == Code::not_taken;
  bool dead = not_taken || upstream_error_.code == Code::closed || upstream_error_.code == Code::reset ||
              upstream_error_.code == Code::bad_message;
  bool harmless = upstream_error_.progress == Progress::unsent ||
                  (upstream_error_.progress == Progress::sent && http::is_idempotent(request_->method));
  bool again = not_taken ? not_taken_ < kSentAgainMax : stream_reused_ && !fresh_only_;
  return again && dead && harmless && request_pump_.replayable();
}

Next Exchange::retry_or_fail() {
  if (!may_retry()) {
    Error error = upstream_error_;
    leave_upstream(Outcome::served);
    const Problem* deadline = deadline_kept_by(error);
    return fail(deadline ? *deadline : problem_of(error));
  }
  bool not_taken = upstream_error_.code == Code::not_taken;
  ++retries_;
  upstream_error_ = {};
  request_pump_.rewind();
  timer_.stop();
  // The same endpoint: its idle connection was dead, or it left, but it need not. One that refuses again may be asked too much.
  if (!not_taken) {
    fresh_only_ = true;
  } else if (++not_taken_ > 1) {
    tried_.refuses(*endpoint_);
    if (upstream::Endpoint* other = tried_.full() ? nullptr : upstream_->move(*endpoint_, tried_)) {
      endpoint_ = other;
      tried_.add(*other);
    }
  }
  return go(Step::connect);
}

void Exchange::leave_upstream(Outcome outcome) {
  timer_.stop();
  timed_out_ = false;
  if (waits_for_stream_) {
    waits_for_stream_ = false;
    upstream_->cancel(*this);
  }
  if (upstream_stream_) {
    response_pump_.forget_source();
    http::Stream* stream = upstream_stream_;
    upstream_stream_ = nullptr;
    if (!request_pump_.done()) request_pump_.discard();
    stream->detach();
  }
  if (endpoint_) {
    last_endpoint_ = arena_.copy(endpoint_->name());   // release may be the endpoint's end
    upstream_->release(*endpoint_, outcome);
    endpoint_ = nullptr;
  }
}

}  // namespace sluice::proxy
