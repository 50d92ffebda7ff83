// scheme = "sigv4": AWS Signature Version 4, with secrets of our own consumers.
#pragma once

#include "base/live.h"
#include "base/per_worker.h"
#include "policy/signature/signature_scheme.h"

namespace sluice::policy {

class AwsScheme final : public SignatureScheme {
 public:
  AwsScheme(const std::string& name, const SignatureConfig& config);

  std::string describe() const override { return about_; }
  Authenticator::Outcome judge(Call& call, Proof& out) const override;
  const std::string& challenge() const override { return challenge_; }
  void remove_signature(http::Head& request, Arena& arena) const override;
  size_t replace(SigningKeys keys) override;

 private:
  struct Keys {
    Keys(const AwsRules& rules, AwsSigners all)
        : signers(std::move(all)), verifier(rules, signers) {}
    AwsSigners signers;
    AwsVerifier verifier;
  };
  struct Worker {
    LiveView<Keys> keys;
    AwsDerivedKeys derived;
    uint32_t derived_of = 0;   // generation of the keys
  };

  AwsRules rules_;
  bool presigned_;
  std::string about_;
  std::string challenge_;
  Live<Keys> keys_;
  PerWorker<Worker> workers_;
};

}  // namespace sluice::policy
