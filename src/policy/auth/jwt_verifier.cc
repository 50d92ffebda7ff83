#include "policy/auth/jwt_verifier.h"

#include "policy/auth/jwt_problems.h"

namespace sluice::policy {
namespace {

class Verification {
 public:
  Verification(const JwtSettings& settings, const JwtWorld& world, JwtDesk& desk, WallTime now)
      : settings_(&settings), keys_(&desk.keys.get(world.keys)),
        revocations_(&desk.revocations.get(world.revocations)), desk_(&desk), now_(now) {}

  /// gives: whether what is known of it settles it; `verdict` says how
  bool recall(std::string_view text, Arena& arena, JwtVerdict& verdict);
  JwtVerdict read(std::string_view text, Arena& arena);

 private:
  const http::Problem* check(std::string_view text, JwtToken& token, JsonValue& claims) const;
  const http::Problem* check_key(const JwtToken& token, bool& unknown) const;
  bool revoked(const Identity& identity, std::optional<WallTime> issued) const {
    return revocations_->revoked({identity.credential, identity.subject, issued});
  }

  const JwtSettings* settings_;
  const JwtKeySet* keys_;
  const Revocations* revocations_;
  JwtDesk* desk_;
  WallTime now_;
};

// A look at the cache settles it, or what lies there is worth nothing any more.
bool Verification::recall(std::string_view text, Arena& arena, JwtVerdict& verdict) {
  CachedToken* known = desk_->cache->find(text);
  if (known == nullptr) return false;
  if (known->keys_generation != desk_->keys.generation() || now_ >= known->refused_from) {
    desk_->cache->erase(text);
    return false;
  }
  if (known->revocations_generation != desk_->revocations.generation()) {
    if (revoked(known->identity.identity(), known->issued)) {
      desk_->cache->erase(text);
      verdict.problem = &kTokenRevoked;
      return true;
    }
    known->revocations_generation = desk_->revocations.generation();
  }
  verdict.identity = known->identity.copy_to(arena);
  verdict.issued = known->issued;
  return true;
}

// What costs little and tells another issuer's token comes before any crypto, and before a key that
// is missing could be asked for.
const http::Problem* Verification::check(std::string_view text, JwtToken& token,
                                         JsonValue& claims) const {
  if (const http::Problem* problem = desk_->reader.read(text, token)) return problem;
  if (!settings_->algorithms.has(token.algorithm)) return &kTokenAlgorithm;
  if (!accepts_type(settings_->rules, token.type)) return &kTokenType;
  if (const http::Problem* problem = desk_->reader.read_claims(claims)) return problem;
  return check_claims(claims, settings_->rules, now_);
}

const http::Problem* Verification::check_key(const JwtToken& token, bool& unknown) const {
  switch (keys_->verify(token.algorithm, token.key_id, token.signed_part, token.signature)) {
    case KeyMatch::good: return nullptr;
    case KeyMatch::bad_signature: return &kTokenSignature;
    case KeyMatch::wrong_algorithm: return &kTokenAlgorithm;
    case KeyMatch::unknown_key: break;
  }
  unknown = true;
  return keys_->size() == 0 ? &kTokenKeysUnavailable : &kTokenKeyUnknown;
}

JwtVerdict Verification::read(std::string_view text, Arena& arena) {
  JwtVerdict verdict;
  JwtToken token;
  JsonValue claims;
  verdict.problem = check(text, token, claims);
  if (verdict.problem == nullptr) verdict.problem = check_key(token, verdict.key_unknown);
  if (verdict.problem != nullptr) return verdict;
  Identity identity;
  verdict.problem = desk_->identities.read(claims, settings_->mapping, identity);
  if (verdict.problem != nullptr) return verdict;
  JwtTimes times = times_of(claims);
  if (revoked(identity, times.issued)) {
    verdict.problem = &kTokenRevoked;
    return verdict;
  }
  CachedToken known;
  known.identity = IdentityBlock(identity);
  known.issued = times.issued;
  known.refused_from = times.expires + settings_->rules.clock_skew;
  known.keys_generation = desk_->keys.generation();
  known.revocations_generation = desk_->revocations.generation();
  verdict.identity = known.identity.copy_to(arena);
  verdict.issued = times.issued;
  desk_->cache->insert(text, std::move(known));
  return verdict;
}

}  // namespace

JwtVerdict verify_token(std::string_view text, const JwtSettings& settings, const JwtWorld& world,
                        JwtDesk& desk, WallTime now, Arena& arena, Random& random) {
  JwtVerdict verdict;
  if (text.size() > kTokenBytesMax) {
    verdict.problem = &kTokenTooLarge;
    return verdict;
  }
  if (!desk.cache) desk.cache.emplace(settings.cache_bytes, random.next(), random.next());
  Verification verification(settings, world, desk, now);
  if (verification.recall(text, arena, verdict)) return verdict;
  return verification.read(text, arena);
}

}  // namespace sluice::policy
