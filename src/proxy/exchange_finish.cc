#include <algorithm>

#include "proxy/exchange.h"
#include "proxy/grpc_web.h"
#include "proxy/reply.h"

namespace sluice::proxy {

using http::End;
using http::FieldId;

Next Exchange::do_reply() {
  ReplyFacts facts{call_, allow_, route_, client_facts_->listener, grpc_};
  Reply made;
  if (problem_) {
    made = problem_reply(facts, *problem_);
  } else if (reply_) {
    made = grpc_ == GrpcForm::none ? Reply{reply_->head, reply_->body} : grpc_reply(facts, *reply_);
  } else if (route_ == nullptr) {
    bool redirected = client_facts_->listener && client_facts_->listener->redirect_port != 0;
    made = redirected ? https_redirect_reply(facts) : options_reply(facts);
  } else if (route_->redirect) {
    std::optional<Reply> redirect = redirect_reply(facts);
    if (!redirect) return fail(kRewriteFailed);
    made = *redirect;
  } else {
    made = fixed_reply(facts);
  }
  response_ = made.head;
  if (grpc_ != GrpcForm::none) hear_grpc_status(response_->fields);
  reply_body_ = made.body;
  // What still arrives of the request is not read: the connection cannot go on after it.
  bool unread = !request_pump_.ended();
  response_->keep_alive = !unread && !(problem_ && problem_->close);
  response_->content_length = reply_body_.size();
  if (request_->method == http::Method::head) reply_body_ = {};
  from_us_ = true;
  return go(Step::amend);
}

Next Exchange::do_amend() {
  GrpcWebAnswer* web = from_us_ ? nullptr : grpc_answer_;
  if (web) make_grpc_web(grpc_, *response_);
  if (route_ && route_->pipeline.any().response) route_->pipeline.on_response(call_, *response_);
  // How the upstream's connection goes on is its own affair. But who answers before the request has ended may take no
  // more of it, and its rest stands before the next one: the client is told before it sends that (RFC 9112 section 9.6).
  if (!from_us_) response_->keep_alive = request_pump_.ended();
  http::Fields& fields = response_->fields;
  fields.set(FieldId::x_request_id, request_id_);
  if (!fields.has(FieldId::date)) fields.add(FieldId::date, engine_->date_.text(began_at_, arena_));
  if (client_facts_->listener && !client_facts_->listener->hsts.empty()) add_hsts(call_, *client_facts_->listener, fields);
  if (const http::DefaultFields* security = security_fields()) security->apply(fields);
  if (speaks_grpc_web()) expose_grpc_status(fields);
  if (switches_ && !from_us_) return send_switch();
  bool empty = from_us_ ? reply_body_.empty() : response_pump_.empty_message() && !(web && web->has_trailers());
  bool filtered = route_ && route_->pipeline.any().response_body;
  head_sent_ = true;
  if (empty && !filtered) {
    client_stream_->send_head(*response_, End::yes);
    response_pump_.finish_empty();
    return go(Step::relay);
  }
  policy::BodyFilter* filters = filtered ? route_->pipeline.response_filters(call_) : nullptr;
  if (web) {   // first: policies see what the client gets
    web->next = filters;
    filters = web;
  }
  // First: sending may end the stream at once.
  response_pump_.start(from_us_ ? nullptr : upstream_stream_, *client_stream_, filters);
  client_stream_->send_head(*response_, End::no);
  if (from_us_) {
    Chain body;
    body.append_copy(parts().blocks, reply_body_);
    response_pump_.push(std::move(body));
    response_pump_.end();
  }
  moved_bytes_ = 0;
  if (!from_us_) set_deadline(route_->body_timeout);
  return go(Step::relay);
}

const http::DefaultFields* Exchange::security_fields() const {
  if (route_ && route_->security) return route_->security.get();
  return client_facts_->listener ? client_facts_->listener->security.get() : nullptr;
}

Next Exchange::do_relay() {
  if (response_pump_.run(parts().blocks, parts().pipes) == Pump::State::refused) return fail(response_pump_.problem());
  if (response_pump_.done()) return go(Step::finish);
  if (upstream_error_ && !response_whole_ && !response_pump_.holds()) {
    const Problem* deadline = deadline_kept_by(upstream_error_);
    return fail(deadline ? *deadline : broken_off(upstream_error_));   // after what was received has gone out
  }
  if (timed_out_) return fail(too_late());
  if (!from_us_) {
    if (refused_ || upstream_error_) request_pump_.discard();
    if (!request_pump_.done() && request_pump_.run(parts().blocks, parts().pipes) == Pump::State::refused) {
      return fail(request_pump_.problem());
    }
    if (response_whole_ && upstream_stream_ && request_pump_.done()) leave_upstream(upstream::Outcome::served);
    if (upstream_stream_) watch_progress(request_pump_.bytes() + response_pump_.bytes());
  }
  if (own_until_ == TimePoint{}) own_until_ = parts().clock.precise();
  return Next::wait;
}

Next Exchange::do_finish() {
  step_ = Step::done;
  engine_->desk_.cancel(call_.ticket_);
  leave_upstream(upstream::Outcome::served);
  timer_.stop();
  count_and_log();
  if (route_ && route_->pipeline.any().end) route_->pipeline.on_end(call_);
  if (http::Stream* stream = client_stream_) {
    client_stream_ = nullptr;
    if (client_error_) {
      stream->reset(client_error_);
    } else {
      stream->detach();
    }
  }
  request_pump_.clear();
  response_pump_.clear();
  scheduler().defer(*this);
  return Next::stop;
}

void Exchange::count_and_log() {
  observe::RequestFacts facts = count(parts().clock.precise());
  if (engine_->rule_told_ != nullptr) *engine_->rule_told_ = call_.findings().rule;
  bool audited = engine_->audit_log_ != nullptr && (call_.identity() != nullptr || denied(facts.status));
  if (request_ == nullptr || (engine_->access_log_ == nullptr && !audited)) return;
  observe::AccessRecord record = access_record();
  record.duration = std::chrono::duration_cast<std::chrono::microseconds>(facts.total);
  if (engine_->access_log_ != nullptr) engine_->access_log_->write(record);
  if (audited) engine_->audit_log_->write(record, audit_record(record.status));
}

observe::RequestFacts Exchange::count(TimePoint end) {
  observe::RequestFacts facts;
  facts.route = route_ ? route_->metric.id() : observe::kUnrouted;
  facts.method = request_ ? request_->method : http::Method::unknown;
  facts.status = status();
  facts.request_bytes = request_body_bytes();
  facts.response_bytes = response_pump_.bytes();
  facts.total = end - began_;
  if (own_until_ == TimePoint{}) own_until_ = end;
  facts.own = was_answered() ? (sent_at_ - began_) - away_ + (own_until_ - answered_at_) : (own_until_ - began_) - away_;
  parts().shard.request(facts);
  if (problem_) parts().shard.problem(*problem_);
  if (grpc_ != GrpcForm::none) count_grpc();
  if (uint64_t spliced = request_pump_.spliced() + response_pump_.spliced(); spliced > 0) {
    parts().shard.spliced_bytes.add(spliced);
  }
  if (upstream_ && sent_at_ != TimePoint{}) {
    observe::UpstreamMetrics& metrics = parts().shard.upstream(route_->upstream->metric.id());
    metrics.requests[observe::class_index(was_answered() && !from_us_ ? response_->status : 0)].add();
    if (was_answered()) metrics.response.record(answered_at_ - sent_at_);
    if (retries_ > 0) metrics.retries.add(retries_);
  }
  return facts;
}

// All but its duration. needs: a request
observe::AccessRecord Exchange::access_record() const {
  observe::AccessRecord record;
  record.time = began_at_;
  record.request_id = request_id_;
  record.trace_id = traceparent_.size() >= 35 ? traceparent_.substr(3, observe::kTraceIdBytes) : std::string_view{};
  record.client_ip = client_.ip;
  if (client_facts_->listener) record.listener = client_facts_->listener->name;
  record.method = http::method_name(request_->method);
  record.authority = authority_;
  record.path = path_;
  record.query = request_->query;
  record.version = request_->method == http::Method::unknown ? std::string_view{} : http::version_name(request_->version);
  record.status = status();
  if (grpc_status_ != observe::kNoGrpcStatus) record.grpc_status = grpc_status_;
  record.request_bytes = request_body_bytes();
  record.response_bytes = response_pump_.bytes();
  if (was_answered()) record.upstream_time = std::chrono::duration_cast<std::chrono::microseconds>(answered_at_ - sent_at_);
  if (route_) record.route = route_->name;
  if (route_ && route_->upstream) record.upstream = route_->upstream->name;
  record.endpoint = last_endpoint_;
  record.retries = retries_;
  if (problem_) record.problem = problem_->code;
  if (client_error_ && !sent_whole_length()) record.aborted = client_error_.side;
  if (client_facts_->transport) record.tls_version = client_facts_->transport->tls().version;
  record.user_agent = request_->fields.get(FieldId::user_agent).value_or("");
  record.referer = request_->fields.get(FieldId::referer).value_or("");
  record.fields = &request_->fields;
  record.params = call_.params();
  return record;
}

// A server of HTTP/2 may end its stream a moment after the last byte: nothing is missing for a client that has left by then.
bool Exchange::sent_whole_length() const {
  bool announced = head_sent_ && response_->content_length && *response_->content_length > 0;
  return announced && response_pump_.bytes() == *response_->content_length;
}

std::optional<observe::AccessRecord> Exchange::look(observe::AuditRecord& audit) const {
  if (request_ == nullptr || step_ >= Step::finish || request_id_.empty()) return std::nullopt;
  audit = audit_record(status());
  observe::AccessRecord record = access_record();
  if (endpoint_ != nullptr) record.endpoint = endpoint_->name();
  return record;
}

void Exchange::cut() {
  if (client_error_ || step_ >= Step::finish) return;
  client_error_ = Error{Code::cancelled, Side::gateway, Progress::answered, "closed over the control socket"};
  ready();
}

// By us: an upstream that says 403 has its own records.
bool Exchange::denied(uint16_t status) const {
  if (call_.identity() == nullptr && call_.findings().credential_refused) return true;
  if (problem_ != nullptr && !call_.findings().policy.empty()) return true;   // whatever its status
  if (problem_ != nullptr) status = problem_->status;
  else if (reply_ != nullptr) status = reply_->head->status;   // before it was put in gRPC's terms
  return (problem_ != nullptr || from_us_) && (status == 401 || status == 403 || status == 429);
}

observe::AuditRecord Exchange::audit_record(uint16_t status) const {
  observe::AuditRecord record;
  using Decision = observe::AuditRecord::Decision;
  record.decision = denied(status) ? Decision::denied : Decision::allowed;
  record.policy = call_.findings().policy;
  record.rule = call_.findings().rule;
  if (const policy::Identity* identity = call_.identity()) {
    record.subject = identity->subject;
    record.consumer = identity->consumer;
    record.credential = identity->credential;
    record.auth_method = identity->method;
    record.authenticator = identity->authenticator;
    record.claims = identity->claims;
  }
  return record;
}

// The upstream owes nothing at present: its patience does not run out. The listener has its own with clients, but for
// those who may wait for what a response says, or will say: then both sides may be silent for as long as one.
bool Exchange::waits_for_client() const {
  if (step_ == Step::relay) return response_pump_.holds();
  if (grpc_ != GrpcForm::none) return false;
  bool asked_to_go_on = !request_->expect_continue || request_body_bytes() > 0;
  return request_pump_.started() && !request_pump_.done() && !request_pump_.holds() && !refused_ && asked_to_go_on;
}

void Exchange::release() { engine_->exchanges_.destroy(this); }

// With the silence of the upstream. A call of gRPC that its client has not ended may be a conversation.
Duration Exchange::patience() const {
  if (step_ == Step::relay) return route_->body_timeout;
  bool may_talk = grpc_ != GrpcForm::none && request_pump_.started() && !request_pump_.done();
  return may_talk ? std::max(route_->response_timeout, route_->body_timeout) : route_->response_timeout;
}

void Exchange::set_deadline(Duration from_now) {
  timer_.start(parts().timers, std::min(until_, parts().clock.now() + from_now), *this);
}

void Exchange::on_timer(Timer&) {
  if (step_ == Step::inspect) {   // late_ holds the verdict for this case
    engine_->desk_.cancel(call_.ticket_);
    if (parts().clock.now() >= until_) late_ = policy::Verdict::refuse(kDeadlineExceeded);
    has_late_verdict_ = true;
  } else if (waits_for_client() && parts().clock.now() < until_) {
    return set_deadline(patience());
  } else {
    timed_out_ = true;
  }
  ready();
}

}  // namespace sluice::proxy
