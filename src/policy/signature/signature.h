// type = "signature": requests that are signed with a key of a consumer. Each passes once, its target
// is the one that was received, its body the one that was signed.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "policy/auth/authenticator.h"
#include "policy/signature/signature_scheme.h"

namespace sluice::policy {

class SignatureAuthenticator;

/// What one authenticator found out about a request, which may be asked again while another
/// authenticator of its route waits. In the arena.
struct SignedRequest {
  const SignatureAuthenticator* by = nullptr;
  Proof proof;
  SignedRequest* next = nullptr;
};

class SignatureAuthenticator final : public Authenticator {
 public:
  SignatureAuthenticator(std::string name, std::shared_ptr<const SignatureScheme> scheme,
                         PassesOnce once, std::shared_ptr<SharedNonces> nonces)
      : name_(std::move(name)), scheme_(std::move(scheme)), once_(once),
        nonces_(std::move(nonces)) {}

  std::string_view name() const override { return name_; }
  std::string describe() const override;
  Outcome authenticate(Call& call) const override;
  std::string_view challenge(Arena&, const http::Problem*) const override {
    return scheme_->challenge();
  }
  void remove_credential(http::Head& request, Arena& arena) const override {
    scheme_->remove_signature(request, arena);
  }
  /// gives: null when the request has no signature that was good
  const SignedRequest* find(const Call& call) const;

 private:
  bool must_be_new(const Proof& proof, http::Method method) const;
  Outcome accept(Call& call, const SignedRequest& request) const;

  std::string name_;
  std::shared_ptr<const SignatureScheme> scheme_;
  PassesOnce once_;
  std::shared_ptr<SharedNonces> nonces_;
};

/// Holds the body of a signed request to its digest, while it streams.
class SignedBody final : public Policy {
 public:
  explicit SignedBody(std::shared_ptr<const SignatureAuthenticator> authenticator)
      : authenticator_(std::move(authenticator)) {}

  std::string_view name() const override { return "signed-body"; }
  std::string describe() const override {
    return "bodies signed for " + std::string(authenticator_->name()) +
           " are checked against their digest while they stream";
  }
  Wants wants() const override { return {.request_body = true, .end = true}; }
  BodyFilter* request_body(Call& call) const override;
  void on_end(Call& call) const override;

 private:
  std::shared_ptr<const SignatureAuthenticator> authenticator_;
};

}  // namespace sluice::policy
