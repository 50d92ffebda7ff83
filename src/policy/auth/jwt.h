// type = "jwt": a signed token in a header field (RFC 6750 section 2.1, RFC 7519).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/per_worker.h"
#include "policy/ask/store_desk.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/jwt_verifier.h"
#include "policy/auth/named_consumers.h"
#include "policy/auth/remote_keys.h"
#include "policy/auth/token_field.h"

namespace sluice::policy {

/// Names of revocations in Redis: of a token by its "jti", of all tokens of a "sub".
inline constexpr std::string_view kRevokedTokenPrefix = "sluice:revoked:jti:";
inline constexpr std::string_view kRevokedSubjectPrefix = "sluice:revoked:sub:";

struct StoredRevocation;

struct JwtOptions {
  std::string header = "Authorization";
  std::string cookie;                   // empty: none
  std::string subprotocol;              // empty: none
  JwtSettings settings;
  NamedConsumers consumers;             // with settings.mapping.consumer
  std::shared_ptr<const redis::Instance> store;   // of revocations; null: none
  std::string about;                    // for describe(): the issuer and where its keys are
};

class JwtAuthenticator final : public Authenticator {
 public:
  /// `remote`: null when the keys are in files
  JwtAuthenticator(std::string name, JwtOptions options, std::shared_ptr<const JwtWorld> world,
                   std::shared_ptr<RemoteKeys> remote);

  std::string_view name() const override { return name_; }
  std::string describe() const override { return options_.about; }
  Outcome authenticate(Call& call) const override;
  std::string_view challenge(Arena& arena, const http::Problem* problem) const override;
  void remove_credential(http::Head& request, Arena& arena) const override { field_.remove(request, arena); }
  void clean_response(http::Head& response) const override { field_.clean(response); }
  uint32_t revocation_generation() const override { return world_->revocations.generation(); }
  bool revoked(const AcceptedCredential& credential) const override;
  size_t rechecks_max(unsigned worker) const override {
    return options_.store ? store_rechecks_max(*options_.store, worker) : 0;
  }
  Outcome recheck(Call& call, const AcceptedCredential& credential, TimePoint since) const override;

 private:
  /// gives: accepted, when nothing in the store speaks against it
  Outcome ask_store(Call& call, const TokenNames& token, TimePoint since) const;
  Outcome without_key(Call& call, const http::Problem& problem) const;

  std::string name_;
  JwtOptions options_;
  TokenField field_;
  std::string challenge_;
  std::shared_ptr<const JwtWorld> world_;
  std::shared_ptr<RemoteKeys> remote_;
  PerWorker<JwtDesk> desks_;
  struct Stored {
    std::shared_ptr<StoreDesk<StoredRevocation>> desk;   // made at its first use
  };
  PerWorker<Stored> stored_;
};

}  // namespace sluice::policy
