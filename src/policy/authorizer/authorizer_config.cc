#include "policy/authorizer/authorizer_config.h"

#include <algorithm>

#include "base/text.h"
#include "policy/auth/jwt_config.h"
#include "policy/headers_config.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kOwnField{"authorizer_own_field"};
constexpr IssueKind kCacheNothing{"authorizer_cache_off"};

constexpr Field kAuthorizerFields[] = {
    field<&AuthorizerConfig::url>({.name = "url",
                                   .about = "Where it is asked, with GET: 2xx lets the request pass.",
                                   .example = "\"http://127.0.0.1:9191/check\"",
                                   .need = config::Need::required}),
    field<&AuthorizerConfig::send>({.name = "send",
                                    .about = "Fields of the client's request that it gets.",
                                    .reason = "what most services decide by",
                                    .example = "[\"Authorization\", \"Cookie\"]"}),
    field<&AuthorizerConfig::set>(
        {.name = "set",
         .about = "Fields made of facts that it gets beside X-Forwarded-Method, -Proto, -Host, -Uri and -For.",
         .example = "{ X-User = \"{identity}\" }"}),
    field<&AuthorizerConfig::copy>(
        {.name = "copy",
         .about = "Fields of its answer that go to the upstream; what the client sent under these names, in any spelling, "
                  "is removed.",
         .example = "[\"X-Role\"]"}),
    field<&AuthorizerConfig::timeout>({.name = "timeout",
                                       .about = "How long it may take to answer, connecting included.",
                                       .reason = "a request waits for it",
                                       .range = {1'000'000, 60'000'000'000}}),
    field<&AuthorizerConfig::on_down>(
        {.name = "on_down",
         .about = "What becomes of requests while there is no answer of use: \"closed\" refuses them with 503, \"open\" lets "
                  "them pass.",
         .reason = "what nobody has allowed is refused"}),
    field<&AuthorizerConfig::cache_for>({.name = "cache_for",
                                         .about = "So long an answer is used again; 0s: every request asks.",
                                         .reason = "only its author knows what an answer depends on",
                                         .range = {0, 3'600'000'000'000}}),
    field<&AuthorizerConfig::cache_key>(
        {.name = "cache_key",
         .about = "Facts that an answer depends on: requests that agree in them share it. Nothing: all that is asked must "
                  "be the same.",
         .reason = "an answer to another question is never used",
         .example = "[\"header.Cookie\", \"method\", \"route\"]"}),
    field<&AuthorizerConfig::cache>({.name = "cache",
                                     .about = "Memory of the process for answers.",
                                     .reason = "some 10,000 answers",
                                     .range = {0, 4'294'967'296}}),
    field<&AuthorizerConfig::ca>({.name = "ca",
                                  .about = "Authorities (PEM) that vouch for its server.",
                                  .reason = "the authorities of the system",
                                  .example = "\"internal-ca.pem\""}),
    field<&AuthorizerConfig::plain_http>({.name = "plain_http",
                                          .about = "It may be asked over http on other machines too.",
                                          .reason = "whoever is on the way could allow what he likes"}),
};

/// The service must be able to believe these.
void check_own_name(std::string_view name, config::Position at, config::Reader& reader) {
  constexpr std::string_view kOwn[] = {"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host",
                                       "X-Forwarded-Uri",    "X-Forwarded-For",   "Accept-Encoding", "User-Agent"};
  bool own = std::ranges::any_of(kOwn, [&](std::string_view other) { return equals_ignore_case(name, other); });
  if (own) reader.issues().add(kOwnField, at, quoted(name) + " is sent to the service by the gateway itself");
}

}  // namespace

std::span<const Field> config_fields(const AuthorizerConfig*) {
  return kAuthorizerFields;
}

void config_check(const AuthorizerConfig& authorizer, const config::Value& table, config::Reader& reader) {
  if (authorizer.url) {
    check_url(*authorizer.url, "the question would go over http: whoever is on the way can answer it",
              authorizer.plain_http, reader);
  }
  for (const auto* names : {&authorizer.send, &authorizer.copy}) {
    for (const auto& name : *names) {
      if (name.at.line > 0) check_header_name(name.value, name.at, reader);
    }
  }
  check_header_fields(authorizer.set, reader);
  for (const auto& name : authorizer.send) check_own_name(name.value, name.at, reader);
  for (const auto& field : authorizer.set) check_own_name(field.name, field.at, reader);
  const config::Entry* key = table.find("cache_key");
  if (key == nullptr || authorizer.cache_for != Duration::zero()) return;
  reader.issues().add(kCacheNothing, key->at, "\"cache_key\" does nothing without \"cache_for\"");
}

}  // namespace sluice::policy
