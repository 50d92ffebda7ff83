#include "proxy/reply.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/status.h"
#include "policy/allow/problems.h"
#include "proxy/grpc.h"
#include "proxy/websocket.h"

namespace sluice::proxy {
namespace {

using http::FieldId;

// Seconds after which a client may come back to an overloaded gateway: long enough to shed load.
constexpr std::string_view kRetryAfter = "5";

Reply begin(const ReplyFacts& facts, uint16_t status) {
  Arena& arena = facts.call.arena();
  Reply reply{arena.make<http::Head>(arena), {}};
  reply.head->status = status;
  return reply;
}

bool is_local_name(std::string_view host) {
  if (host.empty() || host == "localhost" || host.ends_with(".localhost") || host.front() == '[') return true;
  return IpAddress::parse(host).has_value();
}

// A path of the file must not become another host by a fact that begins with a slash.
std::string_view stay_here(std::string_view location, Arena& arena) {
  size_t slashes = std::min(location.find_first_not_of("/\\"), location.size());
  if (slashes < 2 || location.front() != '/') return location;
  return arena.join("/", location.substr(slashes));
}

std::string_view with_query(std::string_view location, const http::Head& request, Arena& arena) {
  if (!request.has_query || location.find('?') != std::string_view::npos) return location;
  size_t fragment = std::min(location.find('#'), location.size());
  std::string_view out = arena.join(location.substr(0, fragment), "?", request.query);
  return arena.join(out, location.substr(fragment));
}

// A response of trailers only: the status is 200 whatever went wrong, and the code says what.
Reply trailers_only(const ReplyFacts& facts, GrpcStatus status) {
  Reply reply = begin(facts, 200);
  reply.head->fields.add(FieldId::content_type, grpc_content_type(facts.grpc));
  add_grpc_status(status.code, status.message, reply.head->fields);
  return reply;
}

}  // namespace

Reply grpc_reply(const ReplyFacts& facts, const policy::Reply& answer) {
  if (answer.head->status < 300) return {answer.head, answer.body};
  uint16_t status = answer.head->status;
  Reply reply = trailers_only(facts, {grpc_code(status), http::reason_phrase(status)});
  for (const http::Field& field : answer.head->fields) {
    if (field.id != FieldId::content_type) reply.head->fields.add(field.id, field.name(), field.value());
  }
  return reply;
}

Reply problem_reply(const ReplyFacts& facts, const http::Problem& problem) {
  if (facts.grpc != GrpcForm::none) return trailers_only(facts, grpc_status_of(problem));
  Reply reply = begin(facts, problem.status);
  std::string_view accept = facts.call.request().fields.get(FieldId::accept).value_or("");
  http::ProblemForm form = http::problem_form(accept);
  // Of the others a client learns nothing: lists of addresses say more to an attacker than to a friend.
  bool tells = &problem == &policy::kNotAllowed;
  std::string_view rule = tells ? facts.call.findings().rule : std::string_view{};
  reply.body = facts.call.arena().copy(render_problem(problem, form, facts.call.request_id(), rule));
  reply.head->fields.add(FieldId::content_type, http::problem_content_type(form));
  reply.head->fields.add(FieldId::cache_control, "no-store");
  if (!facts.allow.empty()) reply.head->fields.add(FieldId::allow, facts.allow);
  if (problem.status == 426) {
    reply.head->upgrade = http::kWebSocket;
    reply.head->fields.add(FieldId::sec_websocket_version, "13");
  }
  if (problem.status == 503) reply.head->fields.add(FieldId::retry_after, kRetryAfter);
  return reply;
}

std::optional<Reply> redirect_reply(const ReplyFacts& facts) {
  const snapshot::Redirect& redirect = *facts.route->redirect;
  std::optional<std::string_view> to = redirect.to.render(facts.call);
  if (!to || !http::is_field_value(*to)) return std::nullopt;
  Reply reply = begin(facts, redirect.status);
  Arena& arena = facts.call.arena();
  std::string_view location = with_query(stay_here(*to, arena), facts.call.request(), arena);
  reply.head->fields.add(FieldId::location, location);
  return reply;
}

Reply fixed_reply(const ReplyFacts& facts) {
  const snapshot::Respond& respond = *facts.route->respond;
  Reply reply = begin(facts, respond.status);
  reply.body = respond.body;
  for (const auto& [name, value] : respond.headers) reply.head->fields.add(name, value);
  if (!reply.body.empty() && !reply.head->fields.has(FieldId::content_type)) {
    reply.head->fields.add(FieldId::content_type, "text/plain; charset=utf-8");
  }
  return reply;
}

Reply https_redirect_reply(const ReplyFacts& facts) {
  const http::Head& request = facts.call.request();
  Reply reply = begin(facts, 308);
  Arena& arena = facts.call.arena();
  std::string_view port;
  if (facts.listener->redirect_port != 443) {
    char* text = arena.text(8);
    text[0] = ':';
    port = {text, static_cast<size_t>(write_decimal(text + 1, facts.listener->redirect_port) - text)};
  }
  std::string_view path = request.asterisk ? std::string_view("/") : request.path;
  std::string_view location = arena.join("https://", request.host, port);
  location = arena.join(location, path);
  if (request.has_query) location = arena.join(location, "?", request.query);
  reply.head->fields.add(FieldId::location, location);
  return reply;
}

Reply options_reply(const ReplyFacts& facts) { return begin(facts, 204); }

void add_hsts(const policy::Call& call, const server::ListenerSettings& listener, http::Fields& fields) {
  if (call.client().scheme != http::Scheme::https || is_local_name(call.request().host)) return;
  if (!fields.has(FieldId::strict_transport_security)) {
    fields.add(FieldId::strict_transport_security, listener.hsts);
  }
}

}  // namespace sluice::proxy
