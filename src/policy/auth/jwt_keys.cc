#include "policy/auth/jwt_keys.h"

#include <algorithm>

namespace sluice::policy {

JwtKey::JwtKey(std::string id, const crypto::PublicKey& key, JwtAlgorithmSet algorithms)
    : id_(std::move(id)), symmetric_(false) {
  for (size_t i = 0; i < kJwtAlgorithms; ++i) {
    auto algorithm = static_cast<JwtAlgorithm>(i);
    if (is_symmetric(algorithm) || !algorithms.has(algorithm)) continue;
    if (!crypto::matches(key.type(), signature_of(algorithm))) continue;
    verifiers_.emplace_back(algorithm, crypto::Verifier(key, signature_of(algorithm)));
  }
}

JwtKey::JwtKey(std::string id, std::string_view secret, JwtAlgorithmSet algorithms)
    : id_(std::move(id)), symmetric_(true) {
  for (size_t i = 0; i < kJwtAlgorithms; ++i) {
    auto algorithm = static_cast<JwtAlgorithm>(i);
    if (!is_symmetric(algorithm) || !algorithms.has(algorithm)) continue;
    if (secret.size() < crypto::digest_bytes(hash_of(algorithm))) continue;
    macs_.emplace_back(algorithm, crypto::HmacKey(hash_of(algorithm), secret));
  }
}

bool JwtKey::serves(JwtAlgorithm algorithm) const {
  auto is_it = [&](const auto& prepared) { return prepared.first == algorithm; };
  return std::ranges::any_of(verifiers_, is_it) || std::ranges::any_of(macs_, is_it);
}

bool JwtKey::verify(JwtAlgorithm algorithm, std::string_view message,
                    std::string_view signature) const {
  for (const auto& [own, verifier] : verifiers_) {
    if (own == algorithm) return verifier.verify(message, signature);
  }
  for (const auto& [own, mac] : macs_) {
    if (own == algorithm) return mac.verify(message, signature);
  }
  return false;
}

JwtKeySet::JwtKeySet(std::vector<JwtKey> keys) : keys_(std::move(keys)) {
  std::stable_sort(keys_.begin(), keys_.end(),
                   [](const JwtKey& a, const JwtKey& b) { return a.id() < b.id(); });
}

Result<JwtKeySet, std::string> key_set_of_secret(std::string_view secret, JwtAlgorithmSet algorithms) {
  std::vector<JwtKey> keys;
  keys.emplace_back("", secret, algorithms);
  if (keys.front().useful()) return JwtKeySet(std::move(keys));
  return std::string("its secret has fewer bits than the hash of any of its algorithms");
}

std::span<const JwtKey> JwtKeySet::of_id(std::string_view id) const {
  auto first = std::lower_bound(keys_.begin(), keys_.end(), id,
                                [](const JwtKey& key, std::string_view own) { return key.id() < own; });
  auto last = first;
  while (last != keys_.end() && last->id() == id) ++last;
  return {first, last};
}

KeyMatch JwtKeySet::verify(JwtAlgorithm algorithm, std::optional<std::string_view> key_id,
                           std::string_view message, std::string_view signature) const {
  std::span<const JwtKey> candidates(keys_);
  if (key_id) {
    candidates = of_id(*key_id);
    if (candidates.empty()) candidates = of_id({});
  }
  size_t tries = 0;
  for (const JwtKey& key : candidates) {
    if (!key.serves(algorithm)) continue;
    if (++tries > kKeyTriesMax) break;
    if (key.verify(algorithm, message, signature)) return KeyMatch::good;
  }
  if (tries > 0) return KeyMatch::bad_signature;
  return candidates.empty() ? KeyMatch::unknown_key : KeyMatch::wrong_algorithm;
}

}  // namespace sluice::policy
