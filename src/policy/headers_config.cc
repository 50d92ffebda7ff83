#include "policy/headers_config.h"

#include <algorithm>

#include "base/text.h"
#include "http/token.h"
#include "policy/headers.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kHeaderName{"header_name"};
constexpr IssueKind kHeaderReserved{"header_reserved"};
constexpr IssueKind kHeaderValue{"header_value"};
constexpr IssueKind kHeaderTwice{"header_twice"};

constexpr Field kRuleFields[] = {
    field<&HeaderRules::set>({.name = "set",
                              .about = "Fields to set; every field of that name is replaced.",
                              .example = "{ X-Client = \"{ip}\" }"}),
    field<&HeaderRules::add>({.name = "add",
                              .about = "Fields to add beside those that are there.",
                              .example = "{ Link = \"</docs>; rel=help\" }"}),
    field<&HeaderRules::remove>({.name = "remove",
                                 .about = "Names of fields to remove, before set and add.",
                                 .example = "[\"X-Debug\"]"}),
};

constexpr Field kHeadersFields[] = {
    field<&HeadersConfig::request>(
        {.name = "request", .about = "Fields of the request that goes to the upstream."}),
    field<&HeadersConfig::response>(
        {.name = "response", .about = "Fields of the response that goes to the client."}),
};

// Framing and routing: the gateway writes these itself, and a rule about them would break the
// message.
constexpr std::string_view kReserved[] = {
    "connection", "content-length",    "expect", "host", "keep-alive", "proxy-connection", "te",
    "trailer",    "transfer-encoding", "upgrade"};

}  // namespace

void check_header_name(std::string_view name, config::Position at, config::Reader& reader) {
  if (!http::is_token(name)) {
    reader.issues()
        .add(kHeaderName, at, config::quoted(name) + " is no name of a header field")
        .note = "letters, digits and !#$%&'*+-.^_`|~";
    return;
  }
  bool reserved =
      std::any_of(std::begin(kReserved), std::end(kReserved),
                  [&](std::string_view other) { return equals_ignore_case(name, other); });
  if (!reserved) return;
  config::Issue& issue = reader.issues().add(
      kHeaderReserved, at, config::quoted(name) + " is written by the gateway itself");
  if (equals_ignore_case(name, "host"))
    issue.note = "to change the host use rewrite = { host = \"...\" }";
}

void check_header_fields(const config::Map<config::Placed<config::Template>>& fields, config::Reader& reader) {
  std::vector<SetField> set;
  for (const auto& item : fields) {
    bool clean = std::all_of(
        item.value.value.parts.begin(), item.value.value.parts.end(),
        [](const config::TemplatePart& part) { return http::is_field_value(part.literal); });
    set.push_back({item.name, item.at, clean, item.value.at});
  }
  check_set_fields(set, reader);
}

void check_set_fields(std::span<const SetField> fields, config::Reader& reader) {
  for (const SetField& field : fields) {
    check_header_name(field.name, field.at, reader);
    if (!field.clean) reader.issues().add(kHeaderValue, field.value_at, "a header value holds no control bytes");
  }
  for (size_t i = 1; i < fields.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!same_header_name(fields[i].name, fields[j].name)) continue;
      reader.issues()
          .add(kHeaderTwice, fields[i].at, config::quoted(fields[i].name) + " is there twice")
          .note = "names of header fields do not differ by case, nor by _ and -; first at " +
                  reader.sources().place(fields[j].at);
      break;
    }
  }
}

std::span<const Field> config_fields(const HeaderRules*) {
  return kRuleFields;
}
std::span<const Field> config_fields(const HeadersConfig*) {
  return kHeadersFields;
}

void config_check(const HeaderRules& rules, const config::Value&, config::Reader& reader) {
  check_header_fields(rules.set, reader);
  check_header_fields(rules.add, reader);
  for (const auto& name : rules.remove) {
    if (name.at.line > 0) check_header_name(name.value, name.at, reader);
  }
}

}  // namespace sluice::policy
