#include "policy/signature/signing_key.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kNames[] = {"hmac-sha256",       "ed25519",        "ecdsa-p256-sha256",
                                       "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256"};

constexpr Error bad(const char* what) {
  return {Code::bad_value, Side::gateway, Progress::unsent, what};
}

}  // namespace

crypto::Algorithm crypto_algorithm(SigningAlgorithm algorithm) {
  using crypto::Hash;
  using crypto::Scheme;
  switch (algorithm) {
    case SigningAlgorithm::hmac_sha256:
    case SigningAlgorithm::ed25519: return {Scheme::eddsa, Hash::sha256};
    case SigningAlgorithm::ecdsa_p256_sha256: return {Scheme::ecdsa, Hash::sha256};
    case SigningAlgorithm::ecdsa_p384_sha384: return {Scheme::ecdsa, Hash::sha384};
    case SigningAlgorithm::rsa_pss_sha512: return {Scheme::rsa_pss, Hash::sha512};
    case SigningAlgorithm::rsa_v1_5_sha256: return {Scheme::rsa_pkcs1, Hash::sha256};
  }
  return {};
}

// Ed448 is an Edwards curve too, but no algorithm of RFC 9421.
bool goes_with(crypto::KeyType type, SigningAlgorithm algorithm) {
  if (algorithm == SigningAlgorithm::hmac_sha256) return false;
  if (algorithm == SigningAlgorithm::ed25519) return type == crypto::KeyType::ed25519;
  return crypto::matches(type, crypto_algorithm(algorithm));
}

std::string_view signing_algorithm_name(SigningAlgorithm algorithm) {
  return kNames[static_cast<size_t>(algorithm)];
}

std::optional<SigningAlgorithm> signing_algorithm_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<SigningAlgorithm>(i);
  }
  return std::nullopt;
}

Result<SigningKey> SigningKey::from_secret(std::string_view secret) {
  if (secret.size() < kSigningSecretBytesMin) return bad("a secret of less than 32 bytes");
  return SigningKey(SigningAlgorithm::hmac_sha256, crypto::HmacKey(crypto::Hash::sha256, secret));
}

Result<SigningKey> SigningKey::from_public_key(const crypto::PublicKey& key,
                                               SigningAlgorithm algorithm) {
  if (!goes_with(key.type(), algorithm)) return bad("an algorithm that does not go with its key");
  return SigningKey(algorithm, crypto::Verifier(key, crypto_algorithm(algorithm)));
}

bool SigningKey::verify(std::string_view message, std::string_view signature) const {
  return std::visit([&](const auto& means) { return means.verify(message, signature); }, means_);
}

bool RequestSigners::add(RequestSigner signer) {
  std::string id = signer.key_id;
  return all_.emplace(std::move(id), std::move(signer)).second;
}

const RequestSigner* RequestSigners::find(std::string_view key_id) const {
  auto found = all_.find(key_id);
  return found == all_.end() ? nullptr : &found->second;
}

}  // namespace sluice::policy
