#include "crypto/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "crypto/handles.h"
#include "crypto/names.h"

namespace sluice::crypto {
namespace {

constexpr size_t kDerBytesMax = 160;   // P-521: two INTEGERs of 67 bytes with their headers: 141

/// r and s side by side, as OpenSSL wants them (RFC 3279 section 2.2.3).
/// gives: the length, 0 when it cannot be
size_t to_der(std::string_view signature, unsigned char* out) {
  size_t half = signature.size() / 2;
  auto at = reinterpret_cast<const unsigned char*>(signature.data());
  OwnedSignature pair(ECDSA_SIG_new());
  OwnedNumber r(BN_bin2bn(at, static_cast<int>(half), nullptr));
  OwnedNumber s(BN_bin2bn(at + half, static_cast<int>(half), nullptr));
  // Zero is no signature (CVE-2022-21449); OpenSSL knows it, but this is not left to it.
  if (!pair || !r || !s || BN_is_zero(r.get()) || BN_is_zero(s.get())) return 0;
  ECDSA_SIG_set0(pair.get(), r.release(), s.release());
  int bytes = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (bytes <= 0 || static_cast<size_t>(bytes) > kDerBytesMax) return 0;
  return static_cast<size_t>(i2d_ECDSA_SIG(pair.get(), &out));
}

}  // namespace

bool matches(KeyType type, Algorithm algorithm) {
  switch (algorithm.scheme) {
    case Scheme::rsa_pkcs1:
    case Scheme::rsa_pss: return type == KeyType::rsa;
    case Scheme::eddsa: return type == KeyType::ed25519 || type == KeyType::ed448;
    case Scheme::ecdsa:
      return type == (algorithm.hash == Hash::sha256   ? KeyType::p256
                      : algorithm.hash == Hash::sha384 ? KeyType::p384
                                                       : KeyType::p521);
  }
  return false;
}

Verifier::Verifier(const PublicKey& key, Algorithm algorithm)
    : type_(key.type()), algorithm_(algorithm), key_(key.key_) {
  CHECK(matches(type_, algorithm_));
  OwnedHashContext state(EVP_MD_CTX_new());
  CHECK(state != nullptr);
  EVP_PKEY_CTX* settings = nullptr;   // owned by the state
  const char* hash = algorithm.scheme == Scheme::eddsa ? nullptr : hash_name(algorithm.hash);
  int done = EVP_DigestVerifyInit_ex(state.get(), &settings, hash, nullptr, nullptr, key_.get(),
                                     nullptr);
  CHECK(done == 1);
  if (algorithm.scheme == Scheme::rsa_pss) {
    // RFC 7518 section 3.5: MGF1 with the same hash, a salt as long as the hash.
    done = EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
    CHECK(done == 1);
    done = EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
    CHECK(done == 1);
  }
  prepared_ = std::shared_ptr<const EVP_MD_CTX>(state.release(), [](const EVP_MD_CTX* dead) {
    EVP_MD_CTX_free(const_cast<EVP_MD_CTX*>(dead));
  });
}

bool Verifier::verify(std::string_view message, std::string_view signature) const {
  auto bytes = reinterpret_cast<const unsigned char*>(signature.data());
  size_t size = signature.size();
  unsigned char der[kDerBytesMax];
  if (algorithm_.scheme == Scheme::ecdsa) {
    if (size != 2 * half_of_signature(type_)) return false;
    size = to_der(signature, der);
    bytes = der;
  }
  if (size == 0) return false;
  OwnedHashContext state(EVP_MD_CTX_new());
  bool good = state && EVP_MD_CTX_copy_ex(state.get(), prepared_.get()) == 1 &&
              EVP_DigestVerify(state.get(), bytes, size,
                               reinterpret_cast<const unsigned char*>(message.data()),
                               message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace sluice::crypto
