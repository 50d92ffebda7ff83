#include "policy/security/security_config.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "http/token.h"
#include "policy/headers_config.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kSecurityEmpty{"security_headers_empty"};
constexpr IssueKind kSecurityWithout{"security_headers_without"};
constexpr IssueKind kSecurityMany{"security_headers_many"};

constexpr std::string_view kCsp = "Content-Security-Policy";

struct PresetField {
  std::string_view name;
  std::string_view value;
};

// Answers that no browser shows as a page: nothing may be loaded, framed, guessed, leaked or kept.
// Source: OWASP REST Security Cheat Sheet, "Security headers".
constexpr PresetField kApiStrict[] = {
    {kCsp, "default-src 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

// Pages: what no sane page does without. What pages may load differs from site to site, so `csp` is there to say it.
// Source: OWASP Secure Headers Project; helmet's defaults, less what breaks pages that were not written for it.
constexpr PresetField kWeb[] = {
    {kCsp, "base-uri 'self'; frame-ancestors 'self'; object-src 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "SAMEORIGIN"},
    {"Referrer-Policy", "strict-origin-when-cross-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin-allow-popups"},
    {"Cross-Origin-Resource-Policy", "same-site"},
};

std::span<const PresetField> fields_of(SecurityPreset preset) {
  switch (preset) {
    case SecurityPreset::none: return {};
    case SecurityPreset::api_strict: return kApiStrict;
    case SecurityPreset::web: return kWeb;
  }
  return {};
}

constexpr Field kSecurityFields[] = {
    field<&SecurityConfig::preset>(
        {.name = "preset", .about = "\"api-strict\" or \"web\": fields to begin with; \"none\": only those named here."}),
    field<&SecurityConfig::csp>({.name = "csp",
                                 .about = "The Content-Security-Policy, in place of the preset's.",
                                 .example = "\"default-src 'self'; img-src *\""}),
    field<&SecurityConfig::set>({.name = "set",
                                 .about = "More fields, or other values for those of the preset.",
                                 .example = "{ Permissions-Policy = \"camera=(), microphone=()\" }"}),
    field<&SecurityConfig::without>({.name = "without",
                                     .about = "Fields of the preset that are left out.",
                                     .example = "[\"X-Frame-Options\"]"}),
    field<&SecurityConfig::overwrite>(
        {.name = "overwrite",
         .about = "Fields of these names that a response has already are replaced.",
         .reason = "whoever made the response knows its page better"}),
};

bool same_name(std::string_view name, const config::Placed<std::string>& other) {
  return equals_ignore_case(name, other.value);
}

}  // namespace

std::span<const Field> config_fields(const SecurityConfig*) {
  return kSecurityFields;
}

void config_check(const SecurityConfig& security, const config::Value& table, config::Reader& reader) {
  auto preset = fields_of(security.preset);
  std::vector<SetField> fields;
  if (!security.csp.value.empty())
    fields.push_back({kCsp, security.csp.at, http::is_field_value(security.csp.value), security.csp.at});
  for (const auto& item : security.set)
    fields.push_back({item.name, item.at, http::is_field_value(item.value.value), item.value.at});
  check_set_fields(fields, reader);
  if (preset.size() + fields.size() > http::DefaultFields::kMost)
    reader.issues().add(kSecurityMany, table.at, reader.table_name() + " has more than " +
                                                     std::to_string(http::DefaultFields::kMost) + " fields");
  if (preset.empty() && fields.empty())
    reader.issues().add(kSecurityEmpty, table.at, reader.table_name() + " has no fields").hint =
        "give it a preset: \"api-strict\" or \"web\"";
  if (security.csp.value.empty() && security.csp.at.line > 0)
    reader.issues().add(kSecurityEmpty, security.csp.at, "an empty csp").hint = "without = [\"Content-Security-Policy\"]";
  for (const auto& name : security.without) {
    if (std::ranges::any_of(preset, [&](const PresetField& one) { return same_name(one.name, name); })) continue;
    if (name.at.line > 0)
      reader.issues().add(kSecurityWithout, name.at, "the preset has no field " + config::quoted(name.value));
  }
}

bool is_security_preset(std::string_view name) {
  const auto& names = config::Choices<SecurityPreset>::names;
  return std::ranges::find(names, name) != std::end(names);
}

http::DefaultFields security_fields(const SecurityConfig& security) {
  http::DefaultFields out(security.overwrite ? http::OwnFields::replaced : http::OwnFields::kept);
  for (const PresetField& one : fields_of(security.preset)) {
    auto is_this = [&](const auto& item) { return equals_ignore_case(item.name, one.name); };
    bool other_value = std::ranges::any_of(security.set, is_this) || (one.name == kCsp && !security.csp.value.empty());
    bool left_out = std::ranges::any_of(security.without, [&](const auto& name) { return same_name(one.name, name); });
    if (!other_value && !left_out) out.add(std::string(one.name), std::string(one.value));
  }
  if (!security.csp.value.empty()) out.add(std::string(kCsp), security.csp.value);
  for (const auto& item : security.set) out.add(item.name, item.value.value);
  return out;
}

http::DefaultFields security_fields(std::string_view name) {
  SecurityConfig security;
  const auto& names = config::Choices<SecurityPreset>::names;
  security.preset = static_cast<SecurityPreset>(std::ranges::find(names, name) - std::begin(names));
  return security_fields(security);
}

}  // namespace sluice::policy
