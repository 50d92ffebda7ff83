#include "policy/auth/jwt.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"
#include "policy/headers.h"

namespace sluice::policy {

using http::Field;

namespace {

constexpr std::string_view kBearer = "Bearer";

/// gives: what follows the scheme; nothing when it is another one
std::optional<std::string_view> after_bearer(std::string_view value) {
  if (!starts_with_ignore_case(value, kBearer)) return std::nullopt;
  value.remove_prefix(kBearer.size());
  if (!value.empty() && value.front() != ' ' && value.front() != '\t') return std::nullopt;
  return trim_ows(value);
}

}  // namespace

JwtAuthenticator::JwtAuthenticator(std::string name, JwtOptions options,
                                   std::shared_ptr<const JwtWorld> world,
                                   std::shared_ptr<RemoteKeys> remote)
    : name_(std::move(name)), options_(std::move(options)),
      header_id_(http::field_id(options_.header)),
      bearer_(header_id_ == http::FieldId::authorization),
      challenge_("Bearer realm=\"" + name_ + "\""), world_(std::move(world)),
      remote_(std::move(remote)) {
  for (JwtConsumer& consumer : options_.consumers)
    consumer.group_views.assign(consumer.groups.begin(), consumer.groups.end());
  std::sort(options_.consumers.begin(), options_.consumers.end(),
            [](const JwtConsumer& a, const JwtConsumer& b) { return a.name < b.name; });
}

JwtAuthenticator::Given JwtAuthenticator::find(const http::Head& request) const {
  Given given;
  for (const Field& field : request.fields) {
    if (field.id != header_id_ || !equals_ignore_case(field.name(), options_.header)) continue;
    auto token = after_bearer(field.value());
    if (bearer_ && !token) continue;   // another scheme: somebody else's credential
    given.token = token.value_or(field.value());
    ++given.count;
  }
  return given;
}

Authenticator::Outcome JwtAuthenticator::authenticate(Call& call) const {
  Given given = find(call.request());
  if (given.count == 0) return Outcome::absent();
  if (given.count > 1) return Outcome::refused(kCredentialsAmbiguous);
  JwtDesk& desk = desks_.of(call.worker());
  JwtVerdict verdict = verify_token(given.token, options_.settings, *world_, desk,
                                    call.clock().wall(), call.arena(), call.random());
  if (verdict.problem != nullptr) {
    return verdict.key_unknown ? without_key(call, *verdict.problem)
                               : Outcome::refused(*verdict.problem);
  }
  verdict.identity->method = "jwt";
  verdict.identity->authenticator = name_;
  name_consumer(*verdict.identity);
  call.findings().identity = verdict.identity;
  return Outcome::accepted();
}

// A key that appeared since the last look is accepted on its first use; while its issuer is away,
// nobody knows whose fault it is that it is unknown.
Authenticator::Outcome JwtAuthenticator::without_key(Call& call, const http::Problem& problem) const {
  if (!remote_) return Outcome::refused(problem);
  if (remote_->want(call.clock().now())) {
    remote_->wait(call.worker(), call.resume());
    return Outcome::wait(call.clock().now() + kKeyWaitMax, kTokenKeysUnavailable);
  }
  return Outcome::refused(remote_->failing() ? kTokenKeysUnavailable : problem);
}

// What the token says is only a name until there is a consumer of that name.
void JwtAuthenticator::name_consumer(Identity& identity) const {
  if (identity.consumer.empty()) return;
  auto found = std::lower_bound(
      options_.consumers.begin(), options_.consumers.end(), identity.consumer,
      [](const JwtConsumer& consumer, std::string_view name) { return consumer.name < name; });
  if (found == options_.consumers.end() || found->name != identity.consumer) {
    identity.consumer = {};
    return;
  }
  identity.groups = found->group_views;
}

std::string_view JwtAuthenticator::challenge(Arena& arena, const http::Problem* problem) const {
  bool ours = problem != nullptr && problem->status == 401 &&
              std::find(std::begin(kJwtProblems), std::end(kJwtProblems), problem) !=
                  std::end(kJwtProblems);
  if (!ours) return challenge_;
  std::string_view start =
      arena.join(challenge_, ", error=\"invalid_token\", error_description=\"", problem->detail);
  return arena.join(start, "\"");
}

void JwtAuthenticator::remove_credential(http::Head& request, Arena&) const {
  // In any spelling: a lax upstream would read X_Jwt too.
  request.fields.remove_if([this](const Field& field) {
    return same_header_name(field.name(), options_.header) &&
           (!bearer_ || after_bearer(field.value()));
  });
}

}  // namespace sluice::policy
