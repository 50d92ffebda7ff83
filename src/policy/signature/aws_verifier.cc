#include "policy/signature/aws_verifier.h"

#include <algorithm>

#include "base/text.h"
#include "policy/signature/signature_problems.h"

namespace sluice::policy {
namespace {

std::string hex(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out.append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return out;
}

/// needs: hex digits, an even number
std::string from_hex(std::string_view text) {
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(hex_value(text[i]) << 4 | hex_value(text[i + 1]));
  return out;
}

std::string code(std::string_view key, std::string_view text) {
  return crypto::HmacKey(crypto::Hash::sha256, key).code(text);
}

}  // namespace

bool AwsSigners::add(AwsSigner signer) {
  if (signer.secret.empty()) return false;
  std::string id = signer.access_key;
  return all_.emplace(std::move(id), std::move(signer)).second;
}

const AwsSigner* AwsSigners::find(std::string_view access_key) const {
  auto found = all_.find(access_key);
  return found == all_.end() ? nullptr : &found->second;
}

const crypto::HmacKey& AwsDerivedKeys::of(const AwsSigner& signer, const AwsSignature& signature) {
  std::string name = signer.access_key + '/' + signature.scope;
  auto found = keys_.find(name);
  if (found != keys_.end()) return found->second;
  if (keys_.size() == kKeysMax) keys_.clear();
  std::string text = "AWS4";
  crypto::Secret first(std::move(text.append(signer.secret.bytes())));
  std::string key = code(first.bytes(), signature.date);
  key = code(key, signature.region);
  key = code(key, signature.service);
  key = code(key, "aws4_request");
  return keys_.emplace(std::move(name), crypto::HmacKey(crypto::Hash::sha256, key)).first->second;
}

AwsVerifier::AwsVerifier(AwsRules rules, const AwsSigners& signers)
    : rules_(std::move(rules)), signers_(&signers), sha256_(crypto::Hash::sha256) {}

const http::Problem* AwsVerifier::verify(const AwsSignature& signature,
                                         const SignedMessage& message, WallTime now,
                                         AwsDerivedKeys& keys, VerifiedAwsSignature& out) const {
  out = {};
  out.signer = signers_->find(signature.access_key);
  if (out.signer == nullptr) return &kSignatureKeyUnknown;
  if ((!rules_.region.empty() && signature.region != rules_.region) ||
      (!rules_.service.empty() && signature.service != rules_.service))
    return &kSignatureComponents;
  // Before a key is derived: what strangers may choose of its name is bounded by the days that
  // count.
  if (const http::Problem* problem = check_time(signature, now, out)) return problem;
  AwsSignature complete = signature;
  if (const http::Problem* problem = check_payload(complete, message.head, out)) return problem;
  std::string canonical;
  if (!append_aws_canonical_request(complete, message, canonical)) return &kSignatureComponents;
  std::string text = "AWS4-HMAC-SHA256\n" + signature.time + '\n' + signature.scope + '\n' +
                     hex(sha256_.of(canonical));
  const crypto::HmacKey& key = keys.of(*out.signer, signature);
  if (!key.verify(text, from_hex(signature.signature))) return &kSignatureInvalid;
  if (out.signer->expires <= now) return &kSignatureKeyExpired;
  std::string id = sha256_.of(signature.access_key + '\n' + text);
  std::copy_n(id.data(), out.replay_id.size(), out.replay_id.data());
  return nullptr;
}

const http::Problem* AwsVerifier::check_time(const AwsSignature& signature, WallTime now,
                                             VerifiedAwsSignature& out) const {
  std::chrono::seconds lives = signature.is_presigned ? signature.expires : rules_.max_skew;
  out.may_repeat = signature.is_presigned;
  out.replayable_until = signature.at + lives;
  if (signature.at > now + rules_.max_skew) return &kSignatureNotYetValid;
  return out.replayable_until <= now ? &kSignatureExpired : nullptr;
}

const http::Problem* AwsVerifier::check_payload(AwsSignature& signature, const http::Head& head,
                                                VerifiedAwsSignature& out) const {
  if (signature.payload_hash == kAwsUnsignedPayload) {
    auto rule = signature.is_presigned ? rules_.presigned_payload : rules_.payload;
    return rule == AwsRules::Unsigned::allowed ? nullptr : &kSignatureComponents;
  }
  if (signature.payload_hash.empty()) {
    // Signed is the hash of the body, which is not here yet: only none can be verified.
    if (has_content(head)) return &kSignatureComponents;
    signature.payload_hash = hex(sha256_.of(""));
  }
  out.payload_digest = from_hex(signature.payload_hash);
  return nullptr;
}

}  // namespace sluice::policy
