// type = "introspection": a token that only its issuer can read (RFC 7662). The gateway asks the issuer, and remembers the
// answer for a while, never beyond the token's end.
#pragma once

#include <memory>
#include <string>

#include "base/live.h"
#include "base/per_worker.h"
#include "crypto/secret.h"
#include "policy/ask/service_desk.h"
#include "policy/auth/auth_config.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/identity_block.h"
#include "policy/auth/jwt_claims.h"
#include "policy/auth/named_consumers.h"
#include "policy/auth/token_field.h"

namespace sluice::policy {

/// Of an issuer's answer. Real ones have some hundred bytes to a few KiB.
inline constexpr size_t kIntrospectionBytesMax = 64 * 1024;

/// What is known of one token.
struct Introspected {
  const http::Problem* problem = nullptr;   // null: the token is good
  IdentityBlock identity;                   // of a good one
  WallTime expires = WallTime::max();       // clock skew counted
  size_t bytes() const { return identity.bytes(); }
};

/// What the gateway shows the issuer: the value of Authorization; empty: nothing.
using IntrospectionLogin = Live<crypto::Secret>;
/// `id` empty: the secret is a bearer token itself. see: RFC 6749 section 2.3.1, RFC 7662 section 2.1
crypto::Secret introspection_login(std::string_view id, const crypto::Secret& secret);

struct IntrospectionOptions {
  std::string header = "Authorization";
  std::string cookie;                   // empty: none
  std::string subprotocol;              // empty: none
  upstream::FetchUrl url;
  upstream::FetchTrust tls;
  std::shared_ptr<const IntrospectionLogin> login;
  std::shared_ptr<observe::SharedServiceCounts> counts = std::make_shared<observe::SharedServiceCounts>();
  Duration timeout{};
  Duration cache_for{};
  size_t cache_bytes = 0;   // of one worker
  ProviderDown on_provider_down = ProviderDown::closed;
  JwtRules rules;
  JwtMapping mapping;
  NamedConsumers consumers;
};

class IntrospectionAuthenticator final : public Authenticator {
 public:
  IntrospectionAuthenticator(std::string name, IntrospectionOptions options);

  std::string_view name() const override { return name_; }
  std::string describe() const override;
  Outcome authenticate(Call& call) const override;
  std::string_view challenge(Arena& arena, const http::Problem* problem) const override;
  size_t rechecks_max(unsigned) const override { return kServiceRechecksMax; }
  /// The issuer is asked no sooner than it would be for a request.
  Outcome recheck(Call& call, const AcceptedCredential& credential, TimePoint since) const override;
  void remove_credential(http::Head& request, Arena& arena) const override { field_.remove(request, arena); }
  void clean_response(http::Head& response) const override { field_.clean(response); }

 private:
  using Desk = ServiceDesk<Introspected>;
  class Reader;
  struct Worker {
    std::shared_ptr<Desk> desk = std::make_shared<Desk>();   // held by open questions too
  };

  /// What there is to say of one token; accepted: until then, and `known` is set, valid until the loop turns
  Outcome look_up(Call& call, std::string_view token, QuestionKey& key, const Introspected*& known) const;
  Outcome ask(Call& call, Desk& desk, const QuestionKey& key, std::string_view token) const;
  upstream::FetchRequest question(std::string_view token) const;

  std::string name_;
  IntrospectionOptions options_;
  TokenField field_;
  std::string challenge_;
  std::shared_ptr<const Reader> reader_;
  PerWorker<Worker> workers_;
};

}  // namespace sluice::policy
