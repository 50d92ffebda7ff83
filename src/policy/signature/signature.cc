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
  std::string out = scheme_->describe() + ", each passes once";
  if (memory_.once == PassesOnce::unsafe) out += " if unsafe";
  return out + (memory_.redis ? ", by redis." + memory_.redis->name() : "");
}

SignedRequest* SignatureAuthenticator::find(const Call& call) const {
  SignedRequest* request = call.findings().signatures;
  while (request != nullptr && request->by != this) request = request->next;
  return request;
}

Outcome SignatureAuthenticator::authenticate(Call& call) const {
  if (SignedRequest* before = find(call)) return settle(call, *before);
  const http::Head& head = call.request();
  auto* request = call.arena().make<SignedRequest>();
  Outcome outcome = scheme_->judge(call, request->proof);
  if (outcome.finding != Finding::accepted) return outcome;
  // The route was chosen by the normal form, and the upstream gets that: the signer must have meant it.
  if (!head.asterisk && split_target(head).path != head.path)
    return Outcome::refused(kSignatureTarget);
  const Proof& proof = request->proof;
  if (proof.digest && !has_content(head) &&
      !is_digest_of_nothing(digest_for(*proof.digest), *proof.digest))
    return Outcome::refused(kDigestMismatch);
  request->by = this;
  request->next = call.findings().signatures;
  call.findings().signatures = request;
  if (must_be_new(proof, head.method)) request->standing = look_up(call, *request);
  return settle(call, *request);
}

bool SignatureAuthenticator::must_be_new(const Proof& proof, http::Method method) const {
  return !proof.may_repeat && (memory_.once == PassesOnce::all || !http::is_safe(method));
}

SignedRequest::Standing SignatureAuthenticator::remember(const Proof& proof, WallTime now) const {
  switch (memory_.nonces->take(proof.replay_id, proof.replayable_until, now)) {
    case SharedNonces::Answer::fresh: break;
    case SharedNonces::Answer::used: return Standing::used;
    case SharedNonces::Answer::full: return Standing::full;
  }
  return Standing::fresh;
}

SignedRequest::Standing SignatureAuthenticator::look_up(const Call& call, SignedRequest& request) const {
  const Proof& proof = request.proof;
  WallTime now = call.clock().wall();
  bool alone = memory_.on_store_down == ReplayStoreDown::local;
  // What passed here passes here no more, whether or not Redis can say so later.
  if (!memory_.redis || alone) {
    Standing own = remember(proof, now);
    if (!memory_.redis || own != Standing::fresh) return own;
  }
  bool asked = request.question.ask(*memory_.redis, call, proof.replay_id, proof.replayable_until - now);
  return asked ? Standing::asked : alone ? Standing::fresh : Standing::unknown;
}

SignedRequest::Standing SignatureAuthenticator::standing_in_redis(const SignedRequest& request) const {
  switch (request.question.answer()) {
    case NonceQuestion::Answer::none: break;
    case NonceQuestion::Answer::fresh: return Standing::fresh;
    case NonceQuestion::Answer::used: return Standing::used;
    case NonceQuestion::Answer::unknown:
      return memory_.on_store_down == ReplayStoreDown::local ? Standing::fresh : Standing::unknown;
  }
  return Standing::asked;
}

Outcome SignatureAuthenticator::settle(Call& call, SignedRequest& request) const {
  if (request.standing == Standing::asked) request.standing = standing_in_redis(request);
  switch (request.standing) {
    case Standing::fresh: break;
    case Standing::used: return Outcome::refused(kSignatureReplayed);
    case Standing::full: return Outcome::refused(kSignatureTableFull);
    case Standing::unknown: return Outcome::refused(kSignatureStoreUnavailable);
    case Standing::asked:
      request.question.wake(call.resume());
      return Outcome::wait(call.clock().now() + kNonceWaitMax, kSignatureStoreUnavailable);
  }
  call.findings().identity = request.proof.identity;
  return Outcome::accepted();
}

// Of the try before, if there was one, nothing is left.
BodyFilter* SignedBody::request_body(Call& call) const {
  const SignedRequest* request = authenticator_->find(call);
  if (request == nullptr || !request->proof.digest || !has_content(call.request())) return nullptr;
  close_filter(call);
  void* place = call.arena().allocate(sizeof(DigestFilter), alignof(DigestFilter));
  const ExpectedDigest& expected = *request->proof.digest;
  auto* filter = new (place) DigestFilter(authenticator_->digest_for(expected), expected);
  call.scratch() = filter;
  return filter;
}

void SignedBody::close_filter(Call& call) const {
  if (call.scratch() != nullptr) static_cast<DigestFilter*>(call.scratch())->close();
  call.scratch() = nullptr;
}

void SignedBody::on_end(Call& call) const {
  close_filter(call);
  if (SignedRequest* request = authenticator_->find(call)) request->question.cancel();
}

}  // namespace sluice::policy
