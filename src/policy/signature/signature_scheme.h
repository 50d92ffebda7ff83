// One way to sign requests: finds a signature in a request and judges it by the keys of consumers.
// Whether it was used before, and whether the body fits it, is signature.h's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/auth/authenticator.h"
#include "policy/signature/aws_verifier.h"
#include "policy/signature/content_digest.h"
#include "policy/signature/message_verifier.h"
#include "policy/signature/signature_config.h"

namespace sluice::policy {

/// All consumers' keys; each scheme has its own.
struct SigningKeys {
  RequestSigners requests;
  AwsSigners aws;
};

/// What a good signature says.
struct Proof {
  const Identity* identity = nullptr;      // of the arena
  ReplayId replay_id{};
  WallTime replayable_until;
  bool may_repeat = false;                 // made to be used again
  std::optional<ExpectedDigest> digest;    // that the body must have; of the arena
};

/// Const for the workers, but for the keys, which the keeper's threads replace.
class SignatureScheme {
 public:
  virtual ~SignatureScheme() = default;
  virtual std::string describe() const = 0;
  /// gives: accepted with `out` set; absent; refused. Never waiting
  virtual Authenticator::Outcome judge(Call& call, Proof& out) const = 0;
  /// The value of WWW-Authenticate.
  virtual const std::string& challenge() const = 0;
  virtual void remove_signature(http::Head& request, Arena& arena) const = 0;
  /// gives: how many of them are this scheme's
  virtual size_t replace(SigningKeys keys) = 0;
};

/// `name`: of the [auth.NAME]. needs: a checked configuration
std::shared_ptr<SignatureScheme> make_signature_scheme(const std::string& name,
                                                       const SignatureConfig& config);

}  // namespace sluice::policy
