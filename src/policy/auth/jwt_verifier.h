// Whether a token is good, and who it names: reading, rules, keys, revocations, and one worker's
// cache of what was found out before. Knows no request and no configuration file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/hash.h"
#include "base/live.h"
#include "policy/auth/jwt_claims.h"
#include "policy/auth/jwt_keys.h"
#include "policy/auth/jwt_token.h"
#include "policy/auth/revocations.h"
#include "policy/auth/token_cache.h"

namespace sluice::policy {

struct JwtSettings {
  JwtRules rules;
  JwtMapping mapping;
  JwtAlgorithmSet algorithms;
  size_t cache_bytes = 0;   // of one worker
};

/// What the world says about one issuer: its keys now, and what has been revoked.
struct JwtWorld {
  JwtWorld(std::shared_ptr<const JwtKeySet> first_keys, std::shared_ptr<const Revocations> first_list)
      : keys(std::move(first_keys)), revocations(std::move(first_list)) {}
  Live<JwtKeySet> keys;   // an empty set: none have been had yet
  Live<Revocations> revocations;
};

/// One worker's: caches and memory that is used again.
struct JwtDesk {
  LiveView<JwtKeySet> keys;
  LiveView<Revocations> revocations;
  std::optional<TokenCache> cache;   // made at its first use
  JwtReader reader;
  IdentityReader identities;
};

struct JwtVerdict {
  const http::Problem* problem = nullptr;   // null: the token is good
  Identity* identity = nullptr;             // in the arena; method and authenticator are not set
  std::optional<WallTime> issued{};         // what a good one says of it
  /// Everything but the key is as it should be: with newer keys the token may be good.
  bool key_unknown = false;
};

/// cost: of a token that the cache knows 0.3 us for 1 KiB; of another one, its signature
JwtVerdict verify_token(std::string_view text, const JwtSettings& settings, const JwtWorld& world,
                        JwtDesk& desk, WallTime now, Arena& arena, Random& random);

}  // namespace sluice::policy
