// The keys that requests are signed with. A key has one algorithm, which its owner chose: what a
// message says of it is compared, never followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/result.h"
#include "crypto/hmac.h"
#include "crypto/signature.h"
#include "policy/auth/key_table.h"

namespace sluice::policy {

/// RFC 9421 section 3.3.
enum class SigningAlgorithm : uint8_t {
  hmac_sha256,
  ed25519,
  ecdsa_p256_sha256,
  ecdsa_p384_sha384,
  rsa_pss_sha512,
  rsa_v1_5_sha256,
};
std::string_view signing_algorithm_name(SigningAlgorithm algorithm);
std::optional<SigningAlgorithm> signing_algorithm_from(std::string_view name);
/// Of the others; of hmac-sha256 it means nothing.
crypto::Algorithm crypto_algorithm(SigningAlgorithm algorithm);
/// With a key of that type; never hmac-sha256.
bool goes_with(crypto::KeyType type, SigningAlgorithm algorithm);

/// A hash's length: what is shorter makes the code weaker than SHA-256 is (RFC 2104 section 3).
inline constexpr size_t kSigningSecretBytesMin = 32;

/// Const, every thread's.
class SigningKey {
 public:
  /// errors: bad_value for a secret of less than 32 bytes
  static Result<SigningKey> from_secret(std::string_view secret);
  /// errors: bad_value when the algorithm does not go with the key
  static Result<SigningKey> from_public_key(const crypto::PublicKey& key,
                                            SigningAlgorithm algorithm);

  SigningAlgorithm algorithm() const { return algorithm_; }
  /// In constant time for a secret. cost: see crypto::Verifier
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  using Means = std::variant<crypto::HmacKey, crypto::Verifier>;
  SigningKey(SigningAlgorithm algorithm, Means means)
      : algorithm_(algorithm), means_(std::move(means)) {}

  SigningAlgorithm algorithm_;
  Means means_;
};

/// Who signs with a key, and what that grants.
struct RequestSigner {
  std::string key_id;
  std::string consumer;
  SigningKey key;
  Grants grants{};
  WallTime expires = WallTime::max();
};

/// By their ids; const once it is filled.
class RequestSigners {
 public:
  /// gives: false when there is one with that id
  bool add(RequestSigner signer);
  /// gives: null when there is none
  const RequestSigner* find(std::string_view key_id) const;
  size_t size() const { return all_.size(); }

 private:
  struct Hash {   // looked up by views
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, RequestSigner, Hash, std::equal_to<>> all_;
};

}  // namespace sluice::policy
