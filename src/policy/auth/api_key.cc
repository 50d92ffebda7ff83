#include "policy/auth/api_key.h"

#include <utility>

#include "base/text.h"
#include "policy/auth/problems.h"
#include "policy/headers.h"
#include "policy/query.h"

namespace sluice::policy {

using http::Field;
using http::FieldId;

ApiKeyAuthenticator::ApiKeyAuthenticator(std::string name, const AuthConfig& config,
                                         std::shared_ptr<const ApiKeys> keys)
    : name_(std::move(name)), header_(config.header_name()), header_id_(http::field_id(config.header_name())), query_(config.query),
      challenge_("ApiKey realm=\"" + name_ + "\", header=\"" + header_ + "\""), keys_(std::move(keys)) {}

std::string ApiKeyAuthenticator::describe() const {
  std::string out = "api_key in " + header_;
  if (!query_.empty()) out += " or the query's " + query_;
  return out;
}

ApiKeyAuthenticator::Given ApiKeyAuthenticator::find(const http::Head& request) const {
  Given given;
  for (const Field& field : request.fields) {
    if (field.id != header_id_ || !equals_ignore_case(field.name(), header_)) continue;
    given.key = field.value();
    ++given.count;
  }
  if (query_.empty()) return given;
  each_query_parameter(request.query, [&](const QueryParameter& parameter) {
    if (parameter.name != query_) return;
    given.key = parameter.value;
    ++given.count;
  });
  return given;
}

Authenticator::Outcome ApiKeyAuthenticator::authenticate(Call& call) const {
  Given given = find(call.request());
  if (given.count == 0) return Outcome::absent();
  if (given.count > 1) return Outcome::refused(kCredentialsAmbiguous);
  if (given.key.empty() || given.key.size() > kApiKeyBytesMax) return Outcome::refused(kApiKeyUnknown);
  Worker& worker = workers_.of(call.worker());
  KeyHash hash;
  worker.hasher.add(given.key);
  worker.hasher.finish(hash.bytes.data());
  std::optional<KeyTable::Found> found = worker.keys.get(keys_->live()).find(hash);
  if (!found) return Outcome::refused(kApiKeyUnknown);
  if (found->expires <= call.clock().wall()) return Outcome::refused(kApiKeyExpired);
  if (!found->allows(call.client().ip)) return Outcome::refused(kCredentialAddress);
  auto* identity = make_identity(call.arena(), *found);
  identity->method = "api_key";
  identity->authenticator = name_;
  call.findings().identity = identity;
  return Outcome::accepted();
}

std::string_view ApiKeyAuthenticator::challenge(Arena&, const http::Problem*) const { return challenge_; }

void ApiKeyAuthenticator::remove_credential(http::Head& request, Arena& arena) const {
  // In any spelling: a lax upstream would read X_Api_Key too.
  request.fields.remove_if([this](const Field& field) { return same_header_name(field.name(), header_); });
  if (!query_.empty() && request.has_query) {
    request.query = without_query_parameter(request.query, query_, arena);
    request.has_query = !request.query.empty();
  }
}

}  // namespace sluice::policy
