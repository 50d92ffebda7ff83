#include "plugin/host.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "http/rules.h"
#include "policy/headers.h"

namespace sluice::plugin {
namespace {

using http::FieldId;

std::string_view view(sluice_text text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

bool is_sound(sluice_text text) {
  return text.data != nullptr || text.size == 0;
}

int32_t give(std::string_view from, sluice_text* to) {
  *to = {from.data(), from.size()};
  return SLUICE_OK;
}

// Setup

int32_t setting(const sluice_setup* setup, sluice_text name, sluice_text* value) {
  for (const auto& item : setup->settings) {
    if (item.name == view(name)) return give(item.value, value);
  }
  return SLUICE_NONE;
}

int32_t setting_at(const sluice_setup* setup, size_t index, sluice_text* name, sluice_text* value) {
  if (index >= setup->settings.size()) return SLUICE_NONE;
  give(setup->settings[index].name, name);
  return give(setup->settings[index].value, value);
}

void explain_failure(sluice_setup* setup, sluice_text why) {
  setup->why = view(why).substr(0, kWhyBytesMax);
}

// What is known of a request

int32_t fact(const sluice_request* request, int32_t which, sluice_text* value) {
  const policy::Call& call = request->call;
  const http::Head& head = call.request();
  switch (which) {
    case SLUICE_FACT_METHOD:
      return give(http::method_name(head.method), value);
    case SLUICE_FACT_SCHEME:
      return give(call.client().scheme == http::Scheme::https ? "https" : "http", value);
    case SLUICE_FACT_HOST:
      return give(head.authority, value);
    case SLUICE_FACT_PATH:
      return give(head.path, value);
    case SLUICE_FACT_QUERY:
      return head.has_query ? give(head.query, value) : SLUICE_NONE;
    case SLUICE_FACT_CLIENT_IP: {
      char* text = call.arena().text(IpAddress::kTextMax);
      char* end = call.client().ip.write(text);
      return give({text, static_cast<size_t>(end - text)}, value);
    }
    case SLUICE_FACT_ROUTE:
      return give(call.route(), value);
    case SLUICE_FACT_REQUEST_ID:
      return give(call.request_id(), value);
    default:
      return SLUICE_NONE;  // of a later ABI
  }
}

int32_t header(const http::Fields& fields, sluice_text name, size_t index, sluice_text* value) {
  FieldId id = http::field_id(view(name));
  for (const http::Field& field : fields) {
    bool same =
        id != FieldId::other ? field.id == id : equals_ignore_case(field.name(), view(name));
    if (same && index-- == 0) return give(field.value(), value);
  }
  return SLUICE_NONE;
}

int32_t request_header(const sluice_request* request, sluice_text name, size_t index,
                       sluice_text* value) {
  return header(request->call.request().fields, name, index, value);
}

int32_t response_header(const sluice_request* request, sluice_text name, size_t index,
                        sluice_text* value) {
  if (request->response == nullptr) return SLUICE_LATE;
  return header(request->response->fields, name, index, value);
}

int32_t status(const sluice_request* request) {
  return request->response ? request->response->status : 0;
}

/// Memory of the request: its size stands before it.
void* memory(sluice_request* request, size_t bytes) {
  struct Kept {
    alignas(std::max_align_t) size_t bytes;
  };
  void*& kept = request->call.scratch();
  if (kept == nullptr) {
    if (bytes > kMemoryBytesMax) return nullptr;
    auto* made = static_cast<Kept*>(request->call.arena().allocate(sizeof(Kept) + bytes));
    made->bytes = bytes;
    std::memset(made + 1, 0, bytes);
    kept = made;
  }
  auto* found = static_cast<Kept*>(kept);
  return bytes <= found->bytes ? found + 1 : nullptr;
}

void log(sluice_request* request, int32_t level, sluice_text text) {
  if (!is_sound(text) || request->log_lines++ >= kLogLinesMax) return;
  LogField plugin = kv("plugin", request->plugin);
  LogField id = kv("request", request->call.request_id());
  LogField said = kv("text", view(text).substr(0, kLogBytesMax));
  switch (level) {
    case SLUICE_LOG_DEBUG:
      LOG(debug, "plugin", plugin, id, said);
      break;
    case SLUICE_LOG_WARN:
      LOG(warn, "plugin", plugin, id, said);
      break;
    case SLUICE_LOG_ERROR:
      LOG(error, "plugin", plugin, id, said);
      break;
    default:
      LOG(info, "plugin", plugin, id, said);
  }
}

// Changes

/// Framing and routing are the gateway's.
bool is_reserved(FieldId id) {
  return http::is_hop_by_hop(id) || id == FieldId::content_length || id == FieldId::host ||
         id == FieldId::expect || id == FieldId::trailer;
}

/// Room for one more change of `bytes`. gives: SLUICE_OK, or why not
int32_t claim(sluice_request* request, sluice_text name, size_t bytes) {
  if (!is_sound(name) || !http::is_token(view(name)) || name.size > http::Fields::kNameBytesMax ||
      is_reserved(http::field_id(view(name)))) {
    return SLUICE_BAD;
  }
  if (request->changes >= kChangesMax || bytes > kCopiedBytesMax - request->copied_bytes) {
    return SLUICE_LIMIT;
  }
  ++request->changes;
  request->copied_bytes += bytes;
  return SLUICE_OK;
}

void drop(http::Fields& fields, std::string_view name) {
  fields.remove_if([&](const http::Field& f) { return policy::same_header_name(name, f.name()); });
}

int32_t set(sluice_request* request, http::Fields& fields, sluice_text name, sluice_text value) {
  if (!is_sound(value) || value.size > kCopiedBytesMax || name.size > kCopiedBytesMax) {
    return is_sound(value) ? SLUICE_LIMIT : SLUICE_BAD;
  }
  if (!http::is_field_value(view(value))) return SLUICE_BAD;
  if (int32_t claimed = claim(request, name, name.size + value.size); claimed != SLUICE_OK) {
    return claimed;
  }
  Arena& arena = request->call.arena();
  drop(fields, view(name));
  fields.add(arena.copy(view(name)), arena.copy(view(value)));
  return SLUICE_OK;
}

int32_t remove(sluice_request* request, http::Fields& fields, sluice_text name) {
  if (int32_t claimed = claim(request, name, 0); claimed != SLUICE_OK) return claimed;
  drop(fields, view(name));
  return SLUICE_OK;
}

int32_t set_request_header(sluice_request* request, sluice_text name, sluice_text value) {
  if (request->response != nullptr) return SLUICE_LATE;
  return set(request, request->call.request().fields, name, value);
}

int32_t remove_request_header(sluice_request* request, sluice_text name) {
  if (request->response != nullptr) return SLUICE_LATE;
  return remove(request, request->call.request().fields, name);
}

int32_t set_response_header(sluice_request* request, sluice_text name, sluice_text value) {
  if (request->response == nullptr) return SLUICE_LATE;
  return set(request, request->response->fields, name, value);
}

int32_t remove_response_header(sluice_request* request, sluice_text name) {
  if (request->response == nullptr) return SLUICE_LATE;
  return remove(request, request->response->fields, name);
}

int32_t reply(sluice_request* request, int32_t code, sluice_text content_type, sluice_text body) {
  if (request->response != nullptr || request->reply != nullptr) return SLUICE_LATE;
  if (code < 200 || code > 599 || !is_sound(content_type) || !is_sound(body) ||
      !http::is_field_value(view(content_type))) {
    return SLUICE_BAD;
  }
  if (body.size > kReplyBytesMax || content_type.size > kLogBytesMax) return SLUICE_LIMIT;
  bool bodiless = code == 204 || code == 205 || code == 304;
  if (bodiless && body.size > 0) return SLUICE_BAD;
  Arena& arena = request->call.arena();
  request->reply = arena.make<policy::Reply>();
  request->reply->head = arena.make<http::Head>(arena);
  request->reply->head->status = static_cast<uint16_t>(code);
  request->reply->body = arena.copy(view(body));
  if (content_type.size > 0) {
    request->reply->head->fields.add(FieldId::content_type, arena.copy(view(content_type)));
  }
  return SLUICE_OK;
}

constexpr sluice_host kHost{
    .size = sizeof(sluice_host),
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .setting = setting,
    .setting_at = setting_at,
    .explain_failure = explain_failure,
    .fact = fact,
    .request_header = request_header,
    .memory = memory,
    .log = log,
    .set_request_header = set_request_header,
    .remove_request_header = remove_request_header,
    .reply = reply,
    .status = status,
    .response_header = response_header,
    .set_response_header = set_response_header,
    .remove_response_header = remove_response_header,
};

}  // namespace

const sluice_host& host_table() {
  return kHost;
}

}  // namespace sluice::plugin
