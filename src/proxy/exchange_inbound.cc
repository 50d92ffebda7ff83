#include <algorithm>

#include "http/h1_problems.h"
#include "http/h2_problems.h"
#include "http/rules.h"
#include "observe/request_id.h"
#include "policy/ip_filter/ip_policy.h"
#include "proxy/exchange.h"
#include "proxy/forwarded.h"
#include "proxy/grpc_web.h"
#include "snapshot/choose_route.h"

namespace sluice::proxy {

using http::FieldId;
using policy::Verdict;

namespace {

const Problem* problem_of(server::Refusal refusal) {
  switch (refusal) {
    case server::Refusal::none: return nullptr;
    case server::Refusal::connections: case server::Refusal::descriptors: return &kOverloaded;
    case server::Refusal::address: return &kAddressBusy;
    case server::Refusal::memory: return &kMemoryFull;
    case server::Refusal::denied: return &policy::kAddressDenied;
  }
  return &kOverloaded;
}

/// What logs may have of a target that has no canonical path: neither its query nor a login before its host.
std::string_view path_for_logs(std::string_view target) {
  target = observe::without_query(target);
  size_t at = target.starts_with('/') ? target.npos : target.rfind('@');
  return at == target.npos ? target : target.substr(at + 1);
}

}  // namespace

Next Exchange::do_start() {
  if (!request_started_) return Next::wait;
  begin_request();
  if (request_->version == http::Version::h2 && http::is_grpc(*request_)) begin_grpc(GrpcForm::grpc);
  if (refused_) return go(Step::reply);
  if (const Problem* problem = problem_of(client_facts_->refusal)) return fail(*problem);
  if (parts().blocks.short_of_memory()) return fail(kMemoryFull);
  if (client_facts_->listener && client_facts_->listener->asks_certificates && is_misdirected()) return fail(kMisdirected);
  return go(Step::route);
}

// What policies and logs know of it.
void Exchange::begin_request() {
  path_ = request_->path.empty() ? path_for_logs(request_->target) : request_->path;
  authority_ = request_->authority;
  find_client();
  name_request();
  begin_call();
}

// RFC 9110 section 7.4. A client without SNI got the first certificate, whatever it asks for.
bool Exchange::is_misdirected() const {
  std::string_view name = client_facts_->tls_facts().server_name;
  return !name.empty() && name != request_->host;
}

// Believes what trusted proxies say of the client, and nobody else.
void Exchange::find_client() {
  client_.ip = client_facts_->ip;
  client_.port = client_facts_->port;
  client_.scheme = client_facts_->tls ? http::Scheme::https : http::Scheme::http;
  if (client_facts_->listener && client_facts_->listener->asks_certificates) {
    client_.certificate = client_facts_->tls_facts().client;
  }
  const CidrSet& trusted = snapshot().trusted_proxies;
  if (trusted.empty() || !trusted.contains(client_.ip)) return;
  trusted_peer_ = true;
  ForwardedClient told = forwarded_client(request_->fields, client_.ip, trusted);
  client_.ip = told.ip;
  if (told.scheme) client_.scheme = *told.scheme;
  if (auto proto = request_->fields.get(FieldId::x_forwarded_proto)) {
    if (*proto == "https") client_.scheme = http::Scheme::https;
    if (*proto == "http") client_.scheme = http::Scheme::http;
  }
}

void Exchange::name_request() {
  if (trusted_peer_) {
    std::string_view given = request_->fields.get(FieldId::x_request_id).value_or("");
    if (observe::is_request_id(given)) request_id_ = given;
  }
  if (request_id_.empty()) {
    char* id = arena_.text(observe::kRequestIdBytes);
    observe::write_request_id(id, began_at_, parts().random);
    request_id_ = {id, observe::kRequestIdBytes};
  }
  bool once = request_->fields.count(FieldId::traceparent) == 1;
  std::string_view given = request_->fields.get(FieldId::traceparent).value_or("");
  if (once && observe::parse_traceparent(given)) {
    traceparent_ = given;
    return;
  }
  // Not valid, or not there: a new trace, of which an old tracestate knows nothing.
  request_->fields.remove(FieldId::traceparent);
  request_->fields.remove(FieldId::tracestate);
  char* text = arena_.text(observe::kTraceParentBytes);
  observe::write_traceparent(text, observe::begin_trace(parts().random, false));
  traceparent_ = {text, observe::kTraceParentBytes};
}

void Exchange::begin_call() {
  call_.request_ = request_;
  call_.arena_ = &arena_;
  call_.client_ = &client_;
  call_.clock_ = &parts().clock;
  call_.random_ = &parts().random;
  call_.desk_ = &engine_->desk_;
  call_.waiter_ = this;
  call_.request_id_ = request_id_;
  call_.worker_ = parts().worker;
  call_.shard_ = &parts().shard;
  call_.reach_ = parts().reach;
}

Next Exchange::do_route() {
  if (client_facts_->listener && client_facts_->listener->redirect_port != 0) return go(Step::reply);
  route::Params params;
  route::MatchResult match = snapshot::choose_route(snapshot(), *request_, params);
  using Outcome = route::MatchResult::Outcome;
  if (match.outcome == Outcome::not_found) {
    if (request_->asterisk) return go(Step::reply);   // OPTIONS *: about the gateway itself
    return fail(kNoRoute);
  }
  const snapshot::RouteEntry& entry = snapshot().routes[match.route];
  route_ = entry.part.get();
  call_.route_ = route_->name;
  bool tunnels = request_->version == http::Version::h2 && !request_->upgrade.empty();
  if (route_->grpc_web) {
    if (GrpcForm form = grpc_web_form(*request_); form != GrpcForm::none) begin_grpc(form);
  }
  if (!route_->websocket) request_->upgrade = {};   // a server may ignore it
  if (size_t policies = route_->pipeline.size(); policies > 0) {   // they see our refusals too
    call_.scratch_ = arena_.array<void*>(policies);
    std::fill_n(call_.scratch_, policies, nullptr);
  }
  if (match.outcome == Outcome::method_not_allowed) {
    allow_ = route::allow_text(match.allowed, arena_);
    return fail(kMethodNotAllowed);
  }
  if (tunnels && !route_->websocket) return fail(http::kProtocolUnknown);   // but cannot make less of a CONNECT
  if (params.size() > 0) {
    auto* list = arena_.array<policy::Param>(params.size());
    for (size_t i = 0; i < params.size(); ++i) list[i] = {route_->params[i], params[i]};
    call_.params_ = {list, params.size()};
  }
  if (client_facts_->listener) body_bytes_max_ = client_facts_->listener->body_bytes_max;
  if (route_->body_bytes_max) body_bytes_max_ = *route_->body_bytes_max;
  if (std::max(request_bytes_, request_->content_length.value_or(0)) > body_bytes_max_) return fail(http::kBodyTooLarge);
  if (route_->upstream) upstream_ = lease_->upstreams[entry.upstream];
  call_.current_ = 0;
  return go(Step::inspect);
}

Next Exchange::do_inspect() {
  if (refused_) {   // the body went wrong while a policy waited
    engine_->desk_.cancel(call_.ticket_);
    timer_.stop();
    return go(Step::reply);
  }
  if (has_late_verdict_) {
    has_late_verdict_ = false;
    timer_.stop();
    if (late_.problem() == &kDeadlineExceeded) return fail(kDeadlineExceeded);   // the client's word, not the policy's
    bool runs_again = late_.kind() == Verdict::Kind::again;
    if (!runs_again && late_.kind() != Verdict::Kind::pass) return act(late_);
    if (!runs_again) ++call_.current_;
  } else if (call_.ticket_.generation != 0) {
    return Next::wait;
  }
  call_.ticket_ = {};
  if (!route_->pipeline.any().request) return act(Verdict::pass());
  return act(route_->pipeline.on_request(call_, call_.current_));
}

Next Exchange::act(const Verdict& verdict) {
  bool decides = verdict.kind() == Verdict::Kind::refuse || verdict.kind() == Verdict::Kind::reply;
  if (decides) call_.findings().policy = route_->pipeline[call_.current_].name();
  switch (verdict.kind()) {
    case Verdict::Kind::pass:
      if (!route_->upstream) return go(Step::reply);
      return route_->websocket ? accept_websocket() : go(Step::pick);
    case Verdict::Kind::refuse: return fail(*verdict.problem());
    case Verdict::Kind::reply: reply_ = verdict.reply(); return go(Step::reply);
    case Verdict::Kind::wait:
      if (has_late_verdict_) return Next::again;   // answered before the policy had returned
      late_ = verdict.problem() ? Verdict::refuse(*verdict.problem()) : Verdict::pass();
      timer_.start(parts().timers, std::min(until_, verdict.deadline()), *this);
      return Next::wait;
    case Verdict::Kind::again: break;
  }
  CHECK(false);   // only a Resume brings "again", and do_inspect takes it
  return Next::stop;
}

void Exchange::on_verdict(const Verdict& verdict) {
  late_ = verdict;
  has_late_verdict_ = true;
  ready();
}

}  // namespace sluice::proxy
