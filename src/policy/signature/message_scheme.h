// scheme = "rfc9421": HTTP Message Signatures.
#pragma once

#include "base/live.h"
#include "base/per_worker.h"
#include "policy/signature/signature_scheme.h"

namespace sluice::policy {

class MessageScheme final : public SignatureScheme {
 public:
  MessageScheme(const std::string& name, const SignatureConfig& config);

  std::string describe() const override { return about_; }
  Authenticator::Outcome judge(Call& call, Proof& out) const override;
  const std::string& challenge() const override { return challenge_; }
  void remove_signature(http::Head& request, Arena& arena) const override;
  size_t replace(SigningKeys keys) override;

 private:
  struct Keys {
    Keys(const SignatureRules& rules, RequestSigners all)
        : signers(std::move(all)), verifier(rules, signers) {}
    RequestSigners signers;
    MessageVerifier verifier;
  };
  struct Worker {
    LiveView<Keys> keys;
  };

  SignatureRules rules_;
  std::string about_;
  std::string challenge_;
  Live<Keys> keys_;
  PerWorker<Worker> workers_;
};

}  // namespace sluice::policy
