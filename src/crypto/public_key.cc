#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "crypto/handles.h"
#include "crypto/signature.h"

namespace sluice::crypto {
namespace {

constexpr Error bad(const char* what) {
  return {Code::bad_value, Side::gateway, Progress::unsent, what};
}
constexpr Error unsupported(const char* what) {
  return {Code::unsupported, Side::gateway, Progress::unsent, what};
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// What is left in OpenSSL's queue would be taken for a later call's error.
struct ErrorQueue {
  ErrorQueue() = default;
  ErrorQueue(const ErrorQueue&) = delete;
  ~ErrorQueue() { ERR_clear_error(); }
};

OwnedKey build_key(const char* type, OSSL_PARAM* parameters) {
  OwnedKeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1) return nullptr;
  if (EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) return nullptr;
  return OwnedKey(key);
}

struct Curve {
  KeyType type;
  const char* name;    // in OpenSSL
  size_t bytes;        // of a coordinate
};
constexpr Curve kCurves[] = {
    {KeyType::p256, "P-256", 32}, {KeyType::p384, "P-384", 48}, {KeyType::p521, "P-521", 66}};

int no_passphrase(char*, int, int, void*) {
  return -1;
}

const char* fault_of_rsa(EVP_PKEY* key) {
  int bits = EVP_PKEY_get_bits(key);
  if (bits < kRsaBitsMin) return "an RSA key of less than 2048 bits";
  if (bits > kRsaBitsMax) return "an RSA key of more than 16384 bits";
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw) != 1) return "no RSA key";
  OwnedNumber exponent(raw);
  if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get()) || BN_is_negative(exponent.get()))
    return "an RSA exponent that is even or 1";
  if (BN_num_bits(exponent.get()) > kRsaExponentBitsMax)
    return "an RSA exponent of more than 64 bits";
  BIGNUM* modulus = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1) return "no RSA key";
  OwnedNumber owned(modulus);
  return BN_is_odd(modulus) ? nullptr : "an even RSA modulus";
}

}  // namespace

std::string_view key_type_name(KeyType type) {
  switch (type) {
    case KeyType::rsa: return "RSA";
    case KeyType::p256: return "P-256";
    case KeyType::p384: return "P-384";
    case KeyType::p521: return "P-521";
    case KeyType::ed25519: return "Ed25519";
    case KeyType::ed448: return "Ed448";
  }
  return "";
}

Result<PublicKey> PublicKey::admit(EVP_PKEY* raw) {
  ErrorQueue queue;
  std::shared_ptr<EVP_PKEY> key(raw, &EVP_PKEY_free);
  if (!key) return bad("no valid public key");
  switch (EVP_PKEY_get_base_id(raw)) {
    case EVP_PKEY_RSA:
      if (const char* fault = fault_of_rsa(raw)) return bad(fault);
      return PublicKey(KeyType::rsa, std::move(key));
    case EVP_PKEY_ED25519: return PublicKey(KeyType::ed25519, std::move(key));
    case EVP_PKEY_ED448: return PublicKey(KeyType::ed448, std::move(key));
    case EVP_PKEY_EC: break;
    default: return unsupported("a key that is neither RSA, EC nor Ed25519 or Ed448");
  }
  OwnedKeyContext checker(EVP_PKEY_CTX_new(raw, nullptr));
  if (!checker || EVP_PKEY_public_check(checker.get()) != 1)
    return bad("a point that is not on its curve");
  char group[32] = "";
  EVP_PKEY_get_group_name(raw, group, sizeof(group), nullptr);
  std::string_view name = group;
  if (name == "prime256v1" || name == "P-256") return PublicKey(KeyType::p256, std::move(key));
  if (name == "secp384r1" || name == "P-384") return PublicKey(KeyType::p384, std::move(key));
  if (name == "secp521r1" || name == "P-521") return PublicKey(KeyType::p521, std::move(key));
  return unsupported("an EC key on a curve other than P-256, P-384 and P-521");
}

Result<PublicKey> PublicKey::from_rsa(std::string_view modulus, std::string_view exponent) {
  ErrorQueue queue;
  // Before it is computed with: what is absurdly long is not even read.
  if (modulus.size() > kRsaBitsMax / 8 + 1) return bad("an RSA key of more than 16384 bits");
  if (exponent.size() > kRsaExponentBitsMax / 8 + 1)
    return bad("an RSA exponent of more than 64 bits");
  OwnedNumber n(BN_bin2bn(bytes_of(modulus), static_cast<int>(modulus.size()), nullptr));
  OwnedNumber e(BN_bin2bn(bytes_of(exponent), static_cast<int>(exponent.size()), nullptr));
  OwnedParameterBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  OwnedParameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  return admit(build_key("RSA", parameters.get()).release());
}

Result<PublicKey> PublicKey::from_point(KeyType type, std::string_view x, std::string_view y) {
  ErrorQueue queue;
  const Curve* curve = nullptr;
  for (const Curve& candidate : kCurves) {
    if (candidate.type == type) curve = &candidate;
  }
  CHECK(curve != nullptr);
  if (x.size() != curve->bytes || y.size() != curve->bytes)
    return bad("coordinates that have not the length of their curve");
  std::string point = "\x04";   // uncompressed: SEC 1 section 2.3.3
  point.append(x).append(y);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                       const_cast<char*>(curve->name), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  return admit(build_key("EC", parameters).release());
}

Result<PublicKey> PublicKey::from_edwards(KeyType type, std::string_view x) {
  ErrorQueue queue;
  CHECK(type == KeyType::ed25519 || type == KeyType::ed448);
  bool small = type == KeyType::ed25519;
  if (x.size() != (small ? 32U : 57U)) return bad("a key that has not the length of its curve");
  return admit(EVP_PKEY_new_raw_public_key(small ? EVP_PKEY_ED25519 : EVP_PKEY_ED448, nullptr,
                                           bytes_of(x), x.size()));
}

Result<PublicKey> PublicKey::from_pem(std::string_view text) {
  ErrorQueue queue;
  if (text.find("PRIVATE KEY-----") != text.npos)
    return bad("a private key where a public one is asked for");
  OwnedBio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (text.find("-----BEGIN CERTIFICATE-----") != text.npos) {
    OwnedCertificate certificate(PEM_read_bio_X509(bio.get(), nullptr, &no_passphrase, nullptr));
    if (!certificate) return bad("no valid certificate in PEM");
    return admit(X509_get_pubkey(certificate.get()));
  }
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, &no_passphrase, nullptr);
  if (key == nullptr) return bad("no public key in PEM");
  return admit(key);
}

}  // namespace sluice::crypto
