// type = "jwt": a signed token in a header field (RFC 6750 section 2.1, RFC 7519).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/per_worker.h"
#include "http/fields.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/jwt_verifier.h"
#include "policy/auth/remote_keys.h"

namespace sluice::policy {

/// A [consumer.NAME] that a claim may name.
struct JwtConsumer {
  std::string name;
  std::vector<std::string> groups;
  std::vector<std::string_view> group_views;   // of groups; set by the authenticator
};

struct JwtOptions {
  std::string header = "Authorization";
  JwtSettings settings;
  std::vector<JwtConsumer> consumers;   // with settings.mapping.consumer
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
  void remove_credential(http::Head& request, Arena& arena) const override;

 private:
  struct Given {
    std::string_view token;
    size_t count = 0;   // credentials of this kind
  };
  Given find(const http::Head& request) const;
  Outcome without_key(Call& call, const http::Problem& problem) const;
  void name_consumer(Identity& identity) const;

  std::string name_;
  JwtOptions options_;
  http::FieldId header_id_;
  bool bearer_;   // the field has a scheme before the token
  std::string challenge_;
  std::shared_ptr<const JwtWorld> world_;
  std::shared_ptr<RemoteKeys> remote_;
  PerWorker<JwtDesk> desks_;
};

}  // namespace sluice::policy
