#include "policy/auth/jwt.h"

#include <utility>

#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"

namespace sluice::policy {

JwtAuthenticator::JwtAuthenticator(std::string name, JwtOptions options,
                                   std::shared_ptr<const JwtWorld> world,
                                   std::shared_ptr<RemoteKeys> remote)
    : name_(std::move(name)), options_(std::move(options)), field_(options_.header),
      challenge_("Bearer realm=\"" + name_ + "\""), world_(std::move(world)), remote_(std::move(remote)) {}

Authenticator::Outcome JwtAuthenticator::authenticate(Call& call) const {
  TokenField::Given given = field_.find(call.request());
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
  if (!options_.consumers.resolve(*verdict.identity, call.client().ip)) return Outcome::refused(kCredentialAddress);
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

std::string_view JwtAuthenticator::challenge(Arena& arena, const http::Problem* problem) const {
  return TokenField::challenge(challenge_, arena, problem);
}

}  // namespace sluice::policy
