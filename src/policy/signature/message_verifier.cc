#include "policy/signature/message_verifier.h"

#include <algorithm>

#include "policy/signature/signature_problems.h"

namespace sluice::policy {
namespace {

WallTime from_seconds(int64_t seconds) {   // of at most 15 digits
  return WallTime(std::chrono::seconds(seconds));
}

}  // namespace

MessageVerifier::MessageVerifier(SignatureRules rules, const RequestSigners& signers)
    : rules_(std::move(rules)), content_digest_(*RequiredComponent::parse("content-digest")),
      signers_(&signers), sha256_(crypto::Hash::sha256) {}

const http::Problem* MessageVerifier::verify(std::span<const OfferedSignature> offered,
                                             const SignedMessage& message, WallTime now,
                                             VerifiedSignature& out) const {
  const http::Problem* why = nullptr;
  for (const OfferedSignature& one : offered) {
    if (!rules_.tag.empty() && one.tag != rules_.tag) continue;
    const http::Problem* problem = verify_one(one, message, now, out);
    if (problem == nullptr) return nullptr;
    // What is wrong with a signature that is meant for us says more than that another is not.
    if (why == nullptr || why == &kSignatureKeyUnknown) why = problem;
  }
  return why != nullptr ? why : &kSignatureKeyUnknown;
}

const http::Problem* MessageVerifier::verify_one(const OfferedSignature& offered,
                                                 const SignedMessage& message, WallTime now,
                                                 VerifiedSignature& out) const {
  const RequestSigner* signer = offered.key_id ? signers_->find(*offered.key_id) : nullptr;
  if (signer == nullptr) return &kSignatureKeyUnknown;
  if (offered.fault != nullptr) return offered.fault;
  if (offered.algorithm &&
      *offered.algorithm != signing_algorithm_name(signer->key.algorithm()))
    return &kSignatureAlgorithm;
  if (const http::Problem* problem = check_time(offered, now)) return problem;
  if (rules_.nonce_required && (!offered.nonce || offered.nonce->empty()))
    return &kSignatureComponents;
  if (!covers_all(offered)) return &kSignatureComponents;
  out.covers_digest = covers_digest(offered);
  if (rules_.digest_required && has_content(message.head) && !out.covers_digest)
    return &kSignatureComponents;
  std::string base;
  if (!append_signature_base(offered, message, base)) return &kSignatureComponents;
  if (!signer->key.verify(base, offered.signature)) return &kSignatureInvalid;
  if (signer->expires <= now) return &kSignatureKeyExpired;
  out.signer = signer;
  out.offered = &offered;
  out.replay_id = replay_id(offered, base);
  out.replayable_until = from_seconds(*offered.created) + rules_.max_skew;
  if (offered.expires)
    out.replayable_until = std::min(out.replayable_until, from_seconds(*offered.expires));
  return nullptr;
}

const http::Problem* MessageVerifier::check_time(const OfferedSignature& offered,
                                                 WallTime now) const {
  // Without a moment it would be good for ever, and no table can remember it so long.
  if (!offered.created) return &kSignatureComponents;
  WallTime created = from_seconds(*offered.created);
  if (created > now + rules_.max_skew) return &kSignatureNotYetValid;
  if (created + rules_.max_skew <= now) return &kSignatureExpired;
  if (offered.expires && from_seconds(*offered.expires) <= now) return &kSignatureExpired;
  return nullptr;
}

bool MessageVerifier::covers_all(const OfferedSignature& offered) const {
  return std::ranges::all_of(rules_.components, [&](const RequiredComponent& required) {
    return std::ranges::any_of(offered.components, [&](const Component& covered) {
      return required.protected_by(covered);
    });
  });
}

bool MessageVerifier::covers_digest(const OfferedSignature& offered) const {
  return std::ranges::any_of(offered.components, [&](const Component& covered) {
    return content_digest_.protected_by(covered);
  });
}

ReplayId MessageVerifier::replay_id(const OfferedSignature& offered, std::string_view base) const {
  crypto::Hasher hasher(sha256_);
  // Key ids hold no line ends: they are strings of structured fields.
  hasher.add(*offered.key_id);
  hasher.add(offered.nonce ? "\nnonce\n" : "\nbase\n");
  hasher.add(offered.nonce.value_or(base));
  ReplayId id;
  hasher.finish(id.data());
  return id;
}

}  // namespace sluice::policy
