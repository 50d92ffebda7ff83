// The keys of one issuer, by their ids. Immutable: a new set replaces an old one.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/hmac.h"
#include "crypto/signature.h"
#include "policy/auth/jwt_algorithm.h"

namespace sluice::policy {

/// Real sets have 2 to 20 keys in some KiB; beyond these nobody's are read.
inline constexpr size_t kKeySetBytesMax = 1024 * 1024;
inline constexpr size_t kKeysMax = 10'000;
/// A token that names no key is tried with so many, as are keys without an id: a signature that
/// fails with one costs up to a millisecond.
inline constexpr size_t kKeyTriesMax = 8;

/// One key with the algorithms that it is used for.
class JwtKey {
 public:
  /// `id` empty: any token may be meant. Algorithms that do not go with the key are left out.
  JwtKey(std::string id, const crypto::PublicKey& key, JwtAlgorithmSet algorithms);
  /// A shared secret; algorithms whose hash is longer than it are left out (RFC 7518 section 3.2).
  JwtKey(std::string id, std::string_view secret, JwtAlgorithmSet algorithms);

  const std::string& id() const { return id_; }
  bool symmetric() const { return symmetric_; }
  bool useful() const { return !verifiers_.empty() || !macs_.empty(); }
  bool serves(JwtAlgorithm algorithm) const;
  /// gives: false also for an algorithm that it does not serve
  bool verify(JwtAlgorithm algorithm, std::string_view message, std::string_view signature) const;

 private:
  std::string id_;
  bool symmetric_;
  std::vector<std::pair<JwtAlgorithm, crypto::Verifier>> verifiers_;
  std::vector<std::pair<JwtAlgorithm, crypto::HmacKey>> macs_;
};

enum class KeyMatch : uint8_t {
  good,
  bad_signature,
  unknown_key,      // no key of that id serves the algorithm
  wrong_algorithm,  // the key of that id is for others
};

class JwtKeySet {
 public:
  JwtKeySet() = default;
  explicit JwtKeySet(std::vector<JwtKey> keys);

  size_t size() const { return keys_.size(); }
  /// Whose signature is it? The algorithm must be one that the configuration and the key allow.
  KeyMatch verify(JwtAlgorithm algorithm, std::optional<std::string_view> key_id,
                  std::string_view message, std::string_view signature) const;

 private:
  std::span<const JwtKey> of_id(std::string_view id) const;

  std::vector<JwtKey> keys_;   // by id, those without one first
};

/// The one key of a table with a `secret`, for whatever id a token names.
/// errors: why none of the algorithms goes with it
Result<JwtKeySet, std::string> key_set_of_secret(std::string_view secret, JwtAlgorithmSet algorithms);

/// Where a set comes from decides whether it may hold secrets.
enum class KeySetSource : uint8_t { file, network };

struct JwtKeySetText {
  JwtKeySet keys;
  std::vector<std::string> left_out;   // "key \"a\": an RSA key of less than 2048 bits"
};

/// Reads a JWK Set (RFC 7517 section 5). Keys of unknown types, for encryption, or too weak are left
/// out and named. A set with a private key, with one id twice, or of secrets and public keys mixed
/// is refused: somebody made a mistake that must not pass.
/// errors: text for the log and for `check`
Result<JwtKeySetText, std::string> read_jwk_set(std::string_view text, JwtAlgorithmSet algorithms,
                                                KeySetSource source);

}  // namespace sluice::policy
