// type = "signature": requests that are signed with a key of a consumer. Each passes once, its target
// is the one that was received, its body the one that was signed.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "policy/auth/authenticator.h"
#include "policy/signature/nonce_question.h"
#include "policy/signature/signature_scheme.h"

namespace sluice::policy {

class SignatureAuthenticator;

/// What one authenticator found out about a request, which may be asked again while another
/// authenticator of its route waits. In the arena.
struct SignedRequest {
  /// Whether it came before.
  enum class Standing : uint8_t { fresh, used, full, asked, unknown };

  const SignatureAuthenticator* by = nullptr;
  Proof proof;
  Standing standing = Standing::fresh;
  NonceQuestion question;   // of `asked`
  SignedRequest* next = nullptr;
};

/// Where it is remembered what passed.
struct ReplayMemory {
  PassesOnce once = PassesOnce::all;
  std::shared_ptr<SharedNonces> nonces;
  std::shared_ptr<const redis::Instance> redis;   // null: in `nonces` alone
  ReplayStoreDown on_store_down = ReplayStoreDown::closed;
};

/// A store answers or is given up sooner (redis::kCommandTimeout); this is for what nobody thought of.
inline constexpr Duration kNonceWaitMax = std::chrono::seconds(1);

class SignatureAuthenticator final : public Authenticator {
 public:
  SignatureAuthenticator(std::string name, std::shared_ptr<const SignatureScheme> scheme,
                         ReplayMemory memory)
      : name_(std::move(name)), scheme_(std::move(scheme)), memory_(std::move(memory)) {}

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
  SignedRequest* find(const Call& call) const;
  /// The one that the body of a request is to have.
  const crypto::Digest& digest_for(const ExpectedDigest& expected) const { return digests_.of(expected.hash); }

 private:
  using Standing = SignedRequest::Standing;
  bool must_be_new(const Proof& proof, http::Method method) const;
  Standing remember(const Proof& proof, WallTime now) const;
  Standing look_up(const Call& call, SignedRequest& request) const;
  Standing standing_in_redis(const SignedRequest& request) const;
  Outcome settle(Call& call, SignedRequest& request) const;

  std::string name_;
  std::shared_ptr<const SignatureScheme> scheme_;
  ReplayMemory memory_;
  crypto::Digests digests_;
};

/// Holds the body of a signed request to its digest, while it streams, and lets go of what the request asked.
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
  void close_filter(Call& call) const;

  std::shared_ptr<const SignatureAuthenticator> authenticator_;
};

}  // namespace sluice::policy
