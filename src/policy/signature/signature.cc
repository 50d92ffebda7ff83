#include "policy/signature/signature.h"

#include <new>

#include "policy/signature/digest_filter.h"
#include "policy/signature/signature_problems.h"
#include "policy/signature/aws_scheme.h"
#include "policy/signature/message_scheme.h"

namespace sluice::policy {

using Outcome = Authenticator::Outcome;

std::shared_ptr<SignatureScheme> make_signature_scheme(const std::string& name,
                                                       const SignatureConfig& config) {
  if (config.scheme == SignatureKind::sigv4) return std::make_shared<AwsScheme>(name, config);
  return std::make_shared<MessageScheme>(name, config);
}

std::string SignatureAuthenticator::describe() const {
  return scheme_->describe() +
         (once_ == PassesOnce::all ? ", each passes once" : ", each passes once if unsafe");
}

const SignedRequest* SignatureAuthenticator::find(const Call& call) const {
  const SignedRequest* request = call.findings().signatures;
  while (request != nullptr && request->by != this) request = request->next;
  return request;
}

bool SignatureAuthenticator::must_be_new(const Proof& proof, http::Method method) const {
  return !proof.may_repeat && (once_ == PassesOnce::all || !http::is_safe(method));
}

Outcome SignatureAuthenticator::accept(Call& call, const SignedRequest& request) const {
  call.findings().identity = request.proof.identity;
  return Outcome::accepted();
}

Outcome SignatureAuthenticator::authenticate(Call& call) const {
  if (const SignedRequest* before = find(call)) return accept(call, *before);
  const http::Head& head = call.request();
  auto* request = call.arena().make<SignedRequest>();
  Outcome outcome = scheme_->judge(call, request->proof);
  if (outcome.finding != Finding::accepted) return outcome;
  // The route was chosen by the normal form, and the upstream gets that: the signer must have meant it.
  if (!head.asterisk && split_target(head).path != head.path)
    return Outcome::refused(kSignatureTarget);
  const Proof& proof = request->proof;
  if (proof.digest && !has_content(head) && !is_digest_of_nothing(*proof.digest))
    return Outcome::refused(kDigestMismatch);
  if (must_be_new(proof, head.method)) {
    switch (nonces_->take(proof.replay_id, proof.replayable_until, call.clock().wall())) {
      case SharedNonces::Answer::fresh: break;
      case SharedNonces::Answer::used: return Outcome::refused(kSignatureReplayed);
      case SharedNonces::Answer::full: return Outcome::refused(kSignatureTableFull);
    }
  }
  request->by = this;
  request->next = call.findings().signatures;
  call.findings().signatures = request;
  return accept(call, *request);
}

// Of the try before, if there was one, nothing is left.
BodyFilter* SignedBody::request_body(Call& call) const {
  const SignedRequest* request = authenticator_->find(call);
  if (request == nullptr || !request->proof.digest || !has_content(call.request())) return nullptr;
  on_end(call);
  void* place = call.arena().allocate(sizeof(DigestFilter), alignof(DigestFilter));
  auto* filter = new (place) DigestFilter(*request->proof.digest);
  call.scratch() = filter;
  return filter;
}

void SignedBody::on_end(Call& call) const {
  if (call.scratch() != nullptr) static_cast<DigestFilter*>(call.scratch())->close();
  call.scratch() = nullptr;
}

}  // namespace sluice::policy
