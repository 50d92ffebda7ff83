// The algorithms of signed tokens (RFC 7518 section 3.1, RFC 8037 section 3.1). "none" is not one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "crypto/signature.h"

namespace sluice::policy {

enum class JwtAlgorithm : uint8_t {
  rs256, rs384, rs512,
  ps256, ps384, ps512,
  es256, es384, es512,
  eddsa,
  hs256, hs384, hs512,
};
inline constexpr size_t kJwtAlgorithms = 13;
inline constexpr std::array<std::string_view, kJwtAlgorithms> kJwtAlgorithmNames = {
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"};

constexpr std::string_view jwt_algorithm_name(JwtAlgorithm algorithm) {
  return kJwtAlgorithmNames[static_cast<size_t>(algorithm)];
}
/// Names are case-sensitive (RFC 7515 section 4.1.1).
constexpr std::optional<JwtAlgorithm> jwt_algorithm_from(std::string_view name) {
  for (size_t i = 0; i < kJwtAlgorithms; ++i) {
    if (kJwtAlgorithmNames[i] == name) return static_cast<JwtAlgorithm>(i);
  }
  return std::nullopt;
}

constexpr bool is_symmetric(JwtAlgorithm algorithm) { return algorithm >= JwtAlgorithm::hs256; }
constexpr crypto::Hash hash_of(JwtAlgorithm algorithm) {
  constexpr crypto::Hash kHashes[] = {crypto::Hash::sha256, crypto::Hash::sha384,
                                      crypto::Hash::sha512};
  if (algorithm == JwtAlgorithm::eddsa) return crypto::Hash::sha512;   // Ed25519's own
  auto index = static_cast<size_t>(algorithm);
  return kHashes[is_symmetric(algorithm) ? index - 10 : index % 3];
}
/// needs: not symmetric
constexpr crypto::Algorithm signature_of(JwtAlgorithm algorithm) {
  if (algorithm == JwtAlgorithm::eddsa) return {crypto::Scheme::eddsa, crypto::Hash::sha512};
  constexpr crypto::Scheme kSchemes[] = {crypto::Scheme::rsa_pkcs1, crypto::Scheme::rsa_pss,
                                         crypto::Scheme::ecdsa};
  return {kSchemes[static_cast<size_t>(algorithm) / 3], hash_of(algorithm)};
}

/// A set of algorithms.
class JwtAlgorithmSet {
 public:
  constexpr void add(JwtAlgorithm algorithm) { bits_ |= bit(algorithm); }
  constexpr bool has(JwtAlgorithm algorithm) const { return (bits_ & bit(algorithm)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(JwtAlgorithmSet, JwtAlgorithmSet) = default;
  constexpr bool has_symmetric() const {
    return has(JwtAlgorithm::hs256) || has(JwtAlgorithm::hs384) || has(JwtAlgorithm::hs512);
  }
  constexpr bool has_asymmetric() const { return (bits_ & asymmetric().bits_) != 0; }
  /// All that verify with a public key.
  static constexpr JwtAlgorithmSet asymmetric() {
    JwtAlgorithmSet all;
    for (size_t i = 0; i < kJwtAlgorithms; ++i) {
      if (!is_symmetric(static_cast<JwtAlgorithm>(i))) all.add(static_cast<JwtAlgorithm>(i));
    }
    return all;
  }

 private:
  static constexpr uint16_t bit(JwtAlgorithm algorithm) {
    return static_cast<uint16_t>(1U << static_cast<unsigned>(algorithm));
  }
  uint16_t bits_ = 0;
};

}  // namespace sluice::policy
