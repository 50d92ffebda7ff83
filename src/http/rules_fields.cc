// The part of rules.h that goes through the fields of a head: what they declare and which of them
// stay.
#include <algorithm>

#include "base/text.h"
#include "http/rules.h"

namespace sluice::http {

namespace {

/// Names that a Connection field may list although Sluice knows them: they end at this hop anyway.
bool may_be_named(FieldId id) {
  switch (id) {
    case FieldId::other: case FieldId::connection: case FieldId::keep_alive:
    case FieldId::proxy_connection: case FieldId::te: case FieldId::trailer: case FieldId::upgrade:
    case FieldId::http2_settings:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
      return true;
    default:
      return false;
  }
}

void read_connection(std::string_view value, Declared& declared) {
  if (equals_ignore_case(value, "keep-alive")) {   // what nearly everyone says
    declared.keep_alive = true;
    return;
  }
  each_list_element(value, [&](std::string_view option) {
    if (equals_ignore_case(option, "close")) {
      declared.close = true;
      return true;
    }
    FieldId id = field_id(option);
    if (id == FieldId::keep_alive) declared.keep_alive = true;
    if (id == FieldId::upgrade) declared.lists_upgrade = true;
    if (is_hop_by_hop(id) && may_be_named(id)) return true;
    if (!may_be_named(id)) declared.names_end_to_end = true;
    if (!is_token(option) || declared.named_count == Declared::kNamedMax) {
      declared.bad_connection = true;
      return false;
    }
    declared.named[declared.named_count++] = option;
    return true;
  });
}

void read_expect(std::string_view value, Declared& declared) {
  each_list_element(value, [&](std::string_view expectation) {
    bool is_continue = equals_ignore_case(expectation, "100-continue");
    (is_continue ? declared.expects_continue : declared.expects_other) = true;
    return true;
  });
}

void read_te(std::string_view value, Declared& declared) {
  each_list_element(value, [&](std::string_view coding) {
    if (equals_ignore_case(coding, "trailers")) declared.takes_trailers = true;
    return true;
  });
}

/// "timeout=5, max=100"
void read_keep_alive(std::string_view value, Declared& declared) {
  constexpr uint64_t kSecondsMax = 24 * 3600;   // no idle connection of ours lives longer
  each_list_element(value, [&](std::string_view parameter) {
    if (!starts_with_ignore_case(parameter, "timeout=")) return true;
    std::optional<uint64_t> seconds = parse_decimal(parameter.substr(8));
    if (seconds)
      declared.keep_alive_seconds = static_cast<uint32_t>(std::min(*seconds, kSecondsMax));
    return true;
  });
}

bool is_name_with_underscore(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i] == '_' ? '-' : ascii_lower(name[i]);
    if (c != lower[i]) return false;
  }
  return true;
}

/// Content_Length and Transfer_Encoding, which CGI-like servers take for the real ones.
bool is_framing_lookalike(FieldId id, std::string_view name) {
  return id == FieldId::other && (is_name_with_underscore(name, "content-length") ||
                                  is_name_with_underscore(name, "transfer-encoding"));
}

void keep(std::string_view value, std::string_view& first, uint16_t& count) {
  if (count++ == 0) first = value;
}

}  // namespace

Declared read_declared(const Fields& fields) {
  Declared out;
  for (const Field& field : fields) {
    switch (field.id) {
      case FieldId::other:
        if (is_framing_lookalike(field.id, field.name())) out.ambiguous_name = true;
        break;
      case FieldId::host: keep(field.value(), out.host, out.hosts); break;
      case FieldId::content_length:
        keep(field.value(), out.content_length, out.content_lengths);
        break;
      case FieldId::transfer_encoding:
        keep(field.value(), out.transfer_encoding, out.transfer_encodings);
        break;
      case FieldId::upgrade: keep(field.value(), out.upgrade, out.upgrades); break;
      case FieldId::connection: read_connection(field.value(), out); break;
      case FieldId::expect: read_expect(field.value(), out); break;
      case FieldId::te: read_te(field.value(), out); break;
      case FieldId::keep_alive: read_keep_alive(field.value(), out); break;
      default: break;   // end-to-end, or dropped without a look
    }
  }
  return out;
}

bool is_hop_by_hop(FieldId id) {
  return id >= FieldId::connection && id <= FieldId::proxy_authorization && id != FieldId::trailer;
}

void drop_hop_by_hop(const Declared& declared, Fields& fields) {
  fields.remove_if([&declared](const Field& field) {
    if (is_hop_by_hop(field.id)) return true;
    for (size_t i = 0; i < declared.named_count; ++i) {
      if (equals_ignore_case(declared.named[i], field.name())) return true;
    }
    return false;
  });
}

bool is_grpc_type(std::string_view type, std::string_view which, std::string_view& rest) {
  if (!starts_with_ignore_case(type, which)) return false;
  rest = type.substr(which.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';' || rest.front() == ' ';
}

bool is_grpc(const Head& message) {
  std::string_view rest;
  return is_grpc_type(message.fields.get(FieldId::content_type).value_or(""), kGrpcType, rest);
}

bool may_be_trailer(FieldId id, std::string_view name) {
  if (name.find('_') != std::string_view::npos) {   // a lax server takes it for the one with dashes
    std::string dashed(name);
    std::ranges::replace(dashed, '_', '-');
    return may_be_trailer(field_id(dashed), dashed);
  }
  if (id >= FieldId::connection && id <= FieldId::tracestate) return false;
  switch (id) {
    case FieldId::cache_control: case FieldId::content_encoding: case FieldId::content_type:
    case FieldId::location: case FieldId::range: case FieldId::retry_after: case FieldId::vary:
    case FieldId::if_match: case FieldId::if_modified_since: case FieldId::if_none_match:
    case FieldId::strict_transport_security: case FieldId::origin:
    case FieldId::sec_websocket_key: case FieldId::sec_websocket_accept:
    case FieldId::sec_websocket_version: case FieldId::sec_websocket_protocol:
    case FieldId::sec_websocket_extensions:
      return false;
    default:
      break;
  }
  for (std::string_view refused :
       {"content-range", "www-authenticate", "age", "expires", "pragma"}) {
    if (equals_ignore_case(name, refused)) return false;
  }
  return true;
}

bool accept_trailers(Side sender, Fields& trailers) {
  bool good = true;
  trailers.remove_if([&](const Field& field) {
    if (may_be_trailer(field.id, field.name())) return false;
    good = good && sender == Side::upstream && !is_hop_by_hop(field.id);
    return true;
  });
  return good;
}

}  // namespace sluice::http
