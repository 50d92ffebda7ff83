#include "policy/cors/cors_config.h"

#include <algorithm>

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kNoOrigins{"cors_without_origins"};
constexpr IssueKind kAnyWithCredentials{"cors_any_origin_with_credentials"};
constexpr IssueKind kExposeWithCredentials{"cors_expose_with_credentials"};
constexpr IssueKind kHeaderName{"cors_header_name"};

constexpr int64_t kDay = 86'400'000'000'000;

constexpr Field kCorsFields[] = {
    field<&CorsConfig::origins>(
        {.name = "origins",
         .about = "Origins whose pages may read the answers; \"https://*.example.com\": every name below "
                  "example.com; \"*\": every page there is.",
         .example = "[\"https://app.example.com\", \"https://*.partner.example\"]",
         .need = config::Need::required,
         .instead_of = "origin allow_origin allow_origins allowed_origins"}),
    field<&CorsConfig::methods>(
        {.name = "methods",
         .about = "Methods that these pages may use. Without it: those of the route's match.methods, or GET, "
                  "HEAD and POST where it takes all.",
         .example = "[\"GET\", \"POST\", \"PATCH\"]",
         .instead_of = "allow_methods allowed_methods"}),
    field<&CorsConfig::headers>(
        {.name = "headers",
         .about = "Header fields that these pages may send; \"*\": any.",
         .reason = "what most APIs read; browsers send a few harmless ones unasked",
         .example = "[\"Authorization\", \"Content-Type\", \"Idempotency-Key\"]",
         .instead_of = "allow_headers allowed_headers"}),
    field<&CorsConfig::expose>(
        {.name = "expose",
         .about = "Fields of the answer that scripts may read beside the seven that they always may.",
         .example = "[\"RateLimit\", \"Link\"]",
         .instead_of = "expose_headers exposed_headers"}),
    field<&CorsConfig::credentials>(
        {.name = "credentials",
         .about = "Scripts may send cookies and client certificates, and read what comes back.",
         .reason = "a token in Authorization needs none of it"}),
    field<&CorsConfig::max_age>(
        {.name = "max_age",
         .about = "How long a browser may remember what a preflight allowed; \"0s\": not at all.",
         .reason = "saves most preflights, and a change is everywhere within ten minutes",
         .range = {0, kDay}}),
    field<&CorsConfig::private_network>(
        {.name = "private_network",
         .about = "Pages of the public internet may reach this gateway in a private network.",
         .reason = "a page must not reach into the network of whoever reads it"}),
};

bool any_origin(const CorsConfig& cors) {
  return std::ranges::any_of(cors.origins, [](const auto& origin) {
    return origin.value.kind == OriginPattern::Kind::any;
  });
}

void check_names(const std::vector<std::string>& names, std::string_view key, const config::Value& table,
                 config::Reader& reader) {
  const config::Entry* entry = table.find(key);
  if (entry == nullptr) return;
  for (const std::string& name : names) {
    if (http::is_token(name)) continue;   // "*" is one
    reader.issues().add(kHeaderName, entry->value.at,
                        config::quoted(name) + " in " + std::string(key) + " is no name of a header field");
  }
}

}  // namespace

std::span<const Field> config_fields(const CorsConfig*) {
  return kCorsFields;
}

void config_check(const CorsConfig& cors, const config::Value& table, config::Reader& reader) {
  config::Issues& issues = reader.issues();
  const config::Entry* origins = table.find("origins");
  if (origins != nullptr && cors.origins.empty())
    issues.add(kNoOrigins, origins->value.at, reader.table_name() + " has no origins: no page could use it");
  const config::Entry* credentials = table.find("credentials");
  if (cors.credentials && any_origin(cors)) {
    issues.add(kAnyWithCredentials, credentials->value.at,
               reader.table_name() + ": origins = [\"*\"] cannot go with credentials = true")
        .note = "browsers refuse such a response: list the origins, or set credentials = false";
  }
  if (cors.credentials && std::ranges::find(cors.expose, "*") != cors.expose.end()) {
    issues.add(kExposeWithCredentials, table.find("expose")->value.at,
               reader.table_name() + ": expose = [\"*\"] cannot go with credentials = true")
        .note = "browsers take it for a field of that name then: list the fields";
  }
  check_names(cors.headers, "headers", table, reader);
  check_names(cors.expose, "expose", table, reader);
}

}  // namespace sluice::policy
