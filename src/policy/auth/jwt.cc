#include "policy/auth/jwt.h"

#include <utility>

#include "base/text.h"
#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"

namespace sluice::policy {

/// What Redis says of one "jti" or "sub".
struct StoredRevocation {
  bool any = false;                             // it says something
  std::optional<WallTime> before;               // what was issued then or later is none of it
  /// A token that does not say when it was issued was issued before.
  bool covers(std::optional<WallTime> issued) const { return any && (!before || !issued || *issued < *before); }
  size_t bytes() const { return 0; }
};

namespace {

constexpr uint64_t kSecondsMax = 253'402'300'799;   // the year 9999

class RevocationReader final : public StoredReader<StoredRevocation> {
 public:
  StoredRevocation read(std::optional<std::string_view> text) const override {
    if (!text) return {};
    auto seconds = parse_decimal(*text);
    if (!seconds || *seconds > kSecondsMax) return {true, std::nullopt};   // whatever it says, it is there
    return {true, WallTime(std::chrono::seconds(*seconds))};
  }
};

TokenNames names_from(const AcceptedCredential& credential) {
  TokenNames token{credential.name, credential.subject, std::nullopt};
  if (auto seconds = parse_decimal(credential.handle); seconds && *seconds <= kSecondsMax) {
    token.issued = WallTime(std::chrono::seconds(*seconds));
  }
  return token;
}

}  // namespace

JwtAuthenticator::JwtAuthenticator(std::string name, JwtOptions options,
                                   std::shared_ptr<const JwtWorld> world,
                                   std::shared_ptr<RemoteKeys> remote)
    : name_(std::move(name)), options_(std::move(options)),
      field_(options_.header, options_.cookie, options_.subprotocol),
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
  if (options_.store) {
    const Identity& identity = *verdict.identity;
    Outcome outcome = ask_store(call, {identity.credential, identity.subject, verdict.issued}, TimePoint{});
    if (outcome.finding != Finding::accepted) return outcome;
  }
  verdict.identity->method = "jwt";
  verdict.identity->authenticator = name_;
  if (const Claim* issued = verdict.identity->claim("iat")) verdict.identity->handle = issued->value;
  if (!options_.consumers.resolve(*verdict.identity, call.client().ip, call.worker()))
    return Outcome::refused(kCredentialAddress);
  call.findings().identity = verdict.identity;
  return Outcome::accepted();
}

Authenticator::Outcome JwtAuthenticator::ask_store(Call& call, const TokenNames& token,
                                                   TimePoint since) const {
  using Desk = StoreDesk<StoredRevocation>;
  std::shared_ptr<Desk>& desk = stored_.of(call.worker()).desk;
  if (!desk) {
    desk = std::make_shared<Desk>(options_.store, std::make_shared<const RevocationReader>(),
                                  options_.settings.cache_bytes);
  }
  for (auto [prefix, name] : {std::pair(kRevokedTokenPrefix, token.id),
                              std::pair(kRevokedSubjectPrefix, token.subject)}) {
    if (name.empty()) continue;
    Desk::Found found = desk->find(call, call.arena().join(prefix, name), since);
    switch (found.state) {
      case Desk::State::waiting:
        return Outcome::wait(call.clock().now() + kStoreWaitMax, kCredentialStoreUnavailable);
      case Desk::State::unavailable: return Outcome::refused(kCredentialStoreUnavailable);
      case Desk::State::known: break;
    }
    bool is_subject = prefix == kRevokedSubjectPrefix;
    if (found.value->covers(is_subject ? token.issued : std::nullopt)) return Outcome::refused(kTokenRevoked);
  }
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

bool JwtAuthenticator::revoked(const AcceptedCredential& credential) const {
  return world_->revocations.current()->revoked(names_from(credential));
}

Authenticator::Outcome JwtAuthenticator::recheck(Call& call, const AcceptedCredential& credential,
                                                 TimePoint since) const {
  return options_.store ? ask_store(call, names_from(credential), since) : Outcome::accepted();
}

std::string_view JwtAuthenticator::challenge(Arena& arena, const http::Problem* problem) const {
  return TokenField::challenge(challenge_, arena, problem);
}

}  // namespace sluice::policy
