#include "proxy/forward.h"

#include <algorithm>

#include "base/short_copy.h"
#include "base/text.h"
#include "http/uri.h"

namespace sluice::proxy {
namespace {

using http::Field;
using http::FieldId;
using http::Fields;

constexpr std::string_view kVia10 = "1.0 sluice";
constexpr std::string_view kVia11 = "1.1 sluice";
constexpr std::string_view kVia2 = "2 sluice";

std::string_view via_of(http::Version version) {
  switch (version) {
    case http::Version::h1_0: return kVia10;
    case http::Version::h1_1: return kVia11;
    case http::Version::h2: return kVia2;
  }
  return kVia11;
}

// All values of one field as one list, with `last` added.
std::string_view appended(const Fields& fields, FieldId id, std::string_view last, Arena& arena) {
  if (!fields.has(id)) return last;
  size_t size = last.size();
  for (const Field& field : fields) {
    if (field.id == id) size += field.value_size + 2;
  }
  char* text = arena.text(size);
  char* out = text;
  auto put = [&out](std::string_view piece) {
    out = copy_short(out, piece.data(), piece.size());
  };
  for (const Field& field : fields) {
    if (field.id != id || field.value_size == 0) continue;
    put(field.value());
    put(", ");
  }
  put(last);
  return {text, static_cast<size_t>(out - text)};
}

// RFC 7239: for="[v6]" and hosts with a port are quoted.
char* put_for(char* out, std::string_view ip) {
  auto put = [&out](std::string_view piece) { out = copy_short(out, piece.data(), piece.size()); };
  bool quote = ip.find(':') != std::string_view::npos;
  put(quote ? "for=\"[" : "for=");
  put(ip == "-" ? "unknown" : ip);   // a unix socket has no address
  if (quote) put("]\"");
  return out;
}

std::string_view forwarded_element(const policy::Call& call, std::string_view ip, std::string_view proto) {
  std::string_view host = call.request().authority;
  char* text = call.arena().text(ip.size() + host.size() + proto.size() + 40);
  char* out = put_for(text, ip);
  auto put = [&out](std::string_view piece) {
    out = copy_short(out, piece.data(), piece.size());
  };
  if (!host.empty()) {
    // Brackets are those of an IPv6 address, which has colons too.
    bool quote = host.find(':') != std::string_view::npos;
    put(quote ? ";host=\"" : ";host=");
    put(host);
    if (quote) put("\"");
  }
  put(";proto=");
  put(proto);
  return {text, static_cast<size_t>(out - text)};
}

// "X_Forwarded_For" and the like: a lax upstream reads them as the fields that only we may set (F5).
// needs: `name` is not interned
bool disguised(std::string_view name) {
  constexpr size_t kLongest = 32;   // above every name that matters here
  if (name.size() > kLongest || std::find(name.begin(), name.end(), '_') == name.end()) return false;
  char folded[kLongest];
  std::replace_copy(name.begin(), name.end(), folded, '_', '-');
  switch (http::field_id({folded, name.size()})) {
    case FieldId::forwarded: case FieldId::x_forwarded_for: case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto: case FieldId::x_forwarded_port: case FieldId::x_real_ip:
    case FieldId::via: case FieldId::x_request_id: return true;
    default: return false;
  }
}

// Of a client that one of the two lists names, the other says it too.
void tell_in_both(const policy::Call& call, const Fields& fields, std::string_view& chain, std::string_view& element) {
  char ip[IpAddress::kTextMax];
  std::string_view client{ip, static_cast<size_t>(call.client().ip.write(ip) - ip)};
  auto begin = [&](std::string_view& list, auto put) {
    char* text = call.arena().text(client.size() + list.size() + 16);
    char* out = copy_short(put(text, client), ", ", 2);
    list = {text, static_cast<size_t>(copy_short(out, list.data(), list.size()) - text)};
  };
  auto put_plain = [](char* out, std::string_view text) { return copy_short(out, text.data(), text.size()); };
  if (!fields.has(FieldId::x_forwarded_for)) begin(chain, put_plain);
  if (!fields.has(FieldId::forwarded)) begin(element, put_for);
}

void add_forwarding(const policy::Call& call, const ForwardFacts& facts) {
  Fields& fields = call.request().fields;
  Arena& arena = call.arena();
  char* ip_text = arena.text(IpAddress::kTextMax);
  std::string_view ip{ip_text, static_cast<size_t>(facts.peer_ip.write(ip_text) - ip_text)};
  std::string_view proto = call.client().scheme == http::Scheme::https ? "https" : "http";
  std::string_view element = forwarded_element(call, ip, proto);
  std::string_view chain = ip;
  std::string_view host = call.request().authority;
  if (facts.trusted_peer) {
    chain = appended(fields, FieldId::x_forwarded_for, ip, arena);
    element = appended(fields, FieldId::forwarded, element, arena);
    if (call.client().ip != facts.peer_ip) tell_in_both(call, fields, chain, element);
    host = fields.get(FieldId::x_forwarded_host).value_or(host);
  }
  http::FieldIdSet replaced = {FieldId::forwarded, FieldId::x_forwarded_for, FieldId::x_forwarded_host,
                               FieldId::x_forwarded_proto};
  // Of the port and the real address a trusted proxy may speak, and a rule of the route.
  for (FieldId id : {FieldId::x_forwarded_port, FieldId::x_real_ip}) {
    if (!facts.trusted_peer && !facts.route->set_fields.has(id)) replaced.add(id);
  }
  if (fields.has(FieldId::other) || fields.present().meets(replaced)) {
    fields.remove_if([&](const Field& field) {
      return field.id == FieldId::other ? disguised(field.name()) : replaced.has(field.id);
    });
  }
  if (ip != "-") fields.add(FieldId::x_forwarded_for, chain);
  fields.add(FieldId::x_forwarded_proto, proto);
  if (!host.empty()) fields.add(FieldId::x_forwarded_host, host);
  fields.add(FieldId::forwarded, element);
}

bool rewrite(const policy::Call& call, const snapshot::RoutePart& route) {
  http::Head& request = call.request();
  if (route.rewrite.path) {
    std::optional<std::string_view> path = route.rewrite.path->render(call);
    const http::Problem* problem = nullptr;
    if (!path) return false;
    // A parameter may be empty or end up beside a slash: the result is put into normal form again.
    request.path = http::canonical_path(*path, http::PathProfile::encoded_slashes, call.arena(), problem);
    if (problem) return false;
    request.asterisk = false;
  }
  if (!route.rewrite.host.empty()) request.authority = request.host = route.rewrite.host;
  return true;
}

}  // namespace

bool prepare_upstream_request(const policy::Call& call, const ForwardFacts& facts) {
  http::Head& request = call.request();
  Fields& fields = request.fields;
  add_forwarding(call, facts);   // before the rewrite: it tells of the client's host
  if (!rewrite(call, *facts.route)) return false;
  std::string_view via = via_of(request.version);
  fields.set(FieldId::via, appended(fields, FieldId::via, via, call.arena()));
  fields.set(FieldId::x_request_id, facts.request_id);
  if (!fields.has(FieldId::traceparent)) fields.add(FieldId::traceparent, facts.traceparent);
  return true;
}

}  // namespace sluice::proxy
