#include "policy/signature/component.h"

#include <algorithm>

#include "base/base64.h"
#include "base/text.h"
#include "policy/query.h"
#include "policy/signature/form_text.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kDerived[] = {
    "@method", "@target-uri", "@authority",   "@scheme", "@request-target",
    "@path",   "@query",      "@query-param"};

bool is_field_name(std::string_view name) {
  return http::is_token(name) &&
         std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// gives: false for a parameter that is not known
bool take_parameter(const Parameter& parameter, Component& out) {
  const BareItem& value = parameter.value;
  if (parameter.name == "sf") return out.strict = value.is_true();
  if (parameter.name == "bs") return out.as_bytes = value.is_true();
  if (!value.is_string()) return false;
  if (parameter.name == "key") out.key = value.text;
  else if (parameter.name == "name") out.query_name = value.text;
  else return false;
  return true;
}

// Of each structured field that is known here, its shape: "sf" cannot be read without.
enum class Shape : uint8_t { item, list, dictionary };
struct KnownField {
  std::string_view name;
  Shape shape;
};
constexpr KnownField kKnownFields[] = {
    {"accept-signature", Shape::dictionary}, {"cache-status", Shape::list},
    {"cdn-cache-control", Shape::dictionary}, {"client-cert", Shape::item},
    {"client-cert-chain", Shape::list},       {"content-digest", Shape::dictionary},
    {"idempotency-key", Shape::item},         {"priority", Shape::dictionary},
    {"proxy-status", Shape::list},            {"repr-digest", Shape::dictionary},
    {"signature", Shape::dictionary},         {"signature-input", Shape::dictionary},
    {"want-content-digest", Shape::dictionary}, {"want-repr-digest", Shape::dictionary},
};

bool append_strict(std::string_view name, std::string_view text, Arena& arena, std::string& out) {
  auto known = std::ranges::find(kKnownFields, name, &KnownField::name);
  if (known == std::end(kKnownFields)) return false;
  if (known->shape == Shape::item) {
    Result<StructuredItem> item = parse_item(text, arena);
    if (item) append_item(*item, out);
    return item.has_value();
  }
  bool is_list = known->shape == Shape::list;
  Result<Members> members = is_list ? parse_list(text, arena) : parse_dictionary(text, arena);
  if (!members) return false;
  if (is_list) append_list(*members, out);
  else append_dictionary(*members, out);
  return true;
}

bool append_one_member(std::string_view key, std::string_view text, Arena& arena,
                       std::string& out) {
  Result<Members> members = parse_dictionary(text, arena);
  const Member* member = members ? find_member(*members, key) : nullptr;
  if (member == nullptr) return false;
  append_member_value(*member, out);
  return true;
}

bool append_as_bytes(std::string_view name, const http::Head& head, std::string& out) {
  bool there = false;
  for (const http::Field& field : head.fields) {
    if (!equals_ignore_case(field.name(), name)) continue;
    if (there) out += ", ";
    there = true;
    out += ':';
    append_base64(trim_ows(field.value()), out);
    out += ':';
  }
  return there;
}

bool append_field(const Component& component, const SignedMessage& message, std::string& out) {
  if (component.as_bytes) return append_as_bytes(component.name, message.head, out);
  auto text = whole_field(message.head, component.name, kCoveredFieldBytesMax);
  if (!text) return false;
  Arena& arena = message.head.fields.arena();
  if (component.key) return append_one_member(*component.key, *text, arena, out);
  if (component.strict) return append_strict(component.name, *text, arena, out);
  // What is not ASCII has no one form (RFC 9421 section 2.5); "bs" is for such fields.
  for (char c : *text) {
    if (c < 0x20 ? c != '\t' : c > 0x7e) return false;
  }
  out += *text;
  return true;
}

/// A name that is there twice has no one value (RFC 9421 section 2.2.8).
bool append_query_parameter(std::string_view name, const TargetParts& target, std::string& out) {
  size_t found = 0;
  std::string spelled;
  each_query_parameter(target.query, [&](const QueryParameter& parameter) {
    if (parameter.whole.empty()) return;
    spelled.clear();
    append_form_text(parameter.name, spelled);
    if (spelled != name || ++found > 1) return;
    append_form_text(parameter.value, out);
  });
  return found == 1;
}

/// Without the port that is its scheme's (RFC 9421 section 2.2.3); http's is gone already.
std::string_view authority_of(const SignedMessage& message) {
  std::string_view authority = message.head.authority;
  bool usual = message.scheme == http::Scheme::https && authority.ends_with(":443");
  return usual ? authority.substr(0, authority.size() - 4) : authority;
}

void append_target_uri(const SignedMessage& message, const TargetParts& target, std::string& out) {
  const http::Head& head = message.head;
  if (target.is_absolute) {
    out += head.target;
    return;
  }
  out.append(scheme_name(message.scheme)).append("://").append(authority_of(message));
  if (head.target.starts_with('/')) out += head.target;
}

bool append_derived(const Component& component, const SignedMessage& message, std::string& out) {
  std::string_view name = component.name;
  TargetParts target = split_target(message.head);
  if (name == "@method") out += http::method_name(message.head.method);
  if (name == "@target-uri") append_target_uri(message, target, out);
  if (name == "@authority") out += authority_of(message);
  if (name == "@scheme") out += scheme_name(message.scheme);
  if (name == "@request-target") out += message.head.target;
  if (name == "@path") out += target.path;
  if (name == "@query") out.append("?").append(target.query);
  if (name == "@query-param") return append_query_parameter(*component.query_name, target, out);
  return name != "@authority" || !message.head.authority.empty();
}

}  // namespace

std::optional<Component> component_from(const StructuredItem& item) {
  if (!item.value.is_string()) return std::nullopt;
  Component out;
  out.name = item.value.text;
  for (const Parameter& parameter : item.parameters) {
    if (!take_parameter(parameter, out)) return std::nullopt;
  }
  bool for_field = out.strict || out.as_bytes || out.key;
  bool fits = out.is_derived()
                  ? std::ranges::find(kDerived, out.name) != std::end(kDerived) && !for_field &&
                        out.query_name.has_value() == (out.name == "@query-param")
                  : is_field_name(out.name) && !out.query_name &&
                        !(out.as_bytes && (out.strict || out.key));
  return fits ? std::optional(out) : std::nullopt;
}

bool append_component_value(const Component& component, const SignedMessage& message,
                            std::string& out) {
  return component.is_derived() ? append_derived(component, message, out)
                                : append_field(component, message, out);
}

}  // namespace sluice::policy
