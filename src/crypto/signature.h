// Public keys and the signatures that they verify. Which algorithm a signature has is decided by
// the caller's configuration and key, never by what a client sent.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/digest.h"

struct evp_pkey_st;
struct evp_md_ctx_st;

namespace sluice::crypto {

enum class KeyType : uint8_t { rsa, p256, p384, p521, ed25519, ed448 };
std::string_view key_type_name(KeyType type);   // "RSA", "P-256"

/// How a signature is made with a key: padding for RSA, the hash for all but the Edwards curves.
enum class Scheme : uint8_t { rsa_pkcs1, rsa_pss, ecdsa, eddsa };
struct Algorithm {
  Scheme scheme = Scheme::rsa_pkcs1;
  Hash hash = Hash::sha256;   // eddsa: means nothing
};

/// NIST SP 800-131A: shorter ones have been disallowed since 2014.
inline constexpr int kRsaBitsMin = 2048;
/// OpenSSL verifies longer ones too, but each costs many milliseconds.
inline constexpr int kRsaBitsMax = 16 * 1024;
/// A public exponent of more than 64 bits makes a verification arbitrarily dear.
inline constexpr int kRsaExponentBitsMax = 64;

class PublicKey {
 public:
  // Numbers are big-endian bytes. errors: bad_value or unsupported; `what` says why

  static Result<PublicKey> from_rsa(std::string_view modulus, std::string_view exponent);
  /// `type`: one of the P curves; x and y of exactly the curve's length
  static Result<PublicKey> from_point(KeyType type, std::string_view x, std::string_view y);
  /// `type`: an Edwards curve
  static Result<PublicKey> from_edwards(KeyType type, std::string_view x);
  /// "BEGIN PUBLIC KEY" or "BEGIN CERTIFICATE"; a private key is refused.
  static Result<PublicKey> from_pem(std::string_view text);

  KeyType type() const { return type_; }

 private:
  friend class Verifier;
  friend class PrivateKey;
  PublicKey(KeyType type, std::shared_ptr<evp_pkey_st> key) : type_(type), key_(std::move(key)) {}
  static Result<PublicKey> admit(evp_pkey_st* key);

  KeyType type_;
  std::shared_ptr<evp_pkey_st> key_;
};

/// Does the algorithm go with such a key?
bool matches(KeyType type, Algorithm algorithm);

/// One key with one algorithm, prepared: const, every thread's.
class Verifier {
 public:
  /// needs: matches(key.type(), algorithm)
  Verifier(const PublicKey& key, Algorithm algorithm);
  /// An ECDSA signature is r and s side by side, each of the curve's length (RFC 7518 section 3.4).
  /// cost: RSA-2048 25 us, P-256 95 us, Ed25519 150 us, P-384 800 us
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  KeyType type_;
  Algorithm algorithm_;
  std::shared_ptr<evp_pkey_st> key_;
  // Set up for this key and never used: a used one keeps its key, whatever it is given next.
  std::shared_ptr<const evp_md_ctx_st> prepared_;
};

}  // namespace sluice::crypto
