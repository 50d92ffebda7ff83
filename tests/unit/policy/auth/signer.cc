#include "unit/policy/auth/signer.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/base64url.h"
#include "base/check.h"
#include "crypto/hmac.h"

namespace sluice::policy {
namespace {

const char* curve_of(JwtAlgorithm algorithm) {
  switch (hash_of(algorithm)) {
    case crypto::Hash::sha256: return "P-256";
    case crypto::Hash::sha384: return "P-384";
    case crypto::Hash::sha512: return "P-521";
  }
  return "";
}
size_t half_of(JwtAlgorithm algorithm) {
  return hash_of(algorithm) == crypto::Hash::sha256   ? 32
         : hash_of(algorithm) == crypto::Hash::sha384 ? 48
                                                      : 66;
}
const char* hash_text(JwtAlgorithm algorithm) {
  switch (hash_of(algorithm)) {
    case crypto::Hash::sha256: return "SHA256";
    case crypto::Hash::sha384: return "SHA384";
    case crypto::Hash::sha512: return "SHA512";
  }
  return "";
}

EVP_PKEY* make_key(JwtAlgorithm algorithm) {
  crypto::Scheme scheme = signature_of(algorithm).scheme;
  if (scheme == crypto::Scheme::eddsa) return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (scheme == crypto::Scheme::ecdsa)
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve_of(algorithm));
  static EVP_PKEY* rsa = EVP_RSA_gen(2048);
  EVP_PKEY_up_ref(rsa);
  return rsa;
}

std::string number(EVP_PKEY* key, const char* name, size_t bytes) {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(key, name, &value);
  std::string out(bytes != 0 ? bytes : static_cast<size_t>(BN_num_bytes(value)), '\0');
  BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  BN_free(value);
  return encode_base64url(out);
}

std::string member(std::string_view name, std::string_view value) {
  return ",\"" + std::string(name) + "\":\"" + std::string(value) + "\"";
}

}  // namespace

Signer::Signer(JwtAlgorithm algorithm, std::string key_id)
    : algorithm_(algorithm), key_id_(std::move(key_id)) {
  if (!is_symmetric(algorithm)) {
    key_ = make_key(algorithm);
    CHECK(key_ != nullptr);
    return;
  }
  secret_.resize(crypto::digest_bytes(hash_of(algorithm)));
  RAND_bytes(reinterpret_cast<unsigned char*>(secret_.data()), static_cast<int>(secret_.size()));
}

Signer::~Signer() {
  EVP_PKEY_free(key_);
}

std::string Signer::jwk(std::string_view extra) const {
  std::string out = "{\"alg\":\"" + std::string(jwt_algorithm_name(algorithm_)) + "\"";
  if (!key_id_.empty()) out += member("kid", key_id_);
  out += extra;
  if (is_symmetric(algorithm_)) {
    out += member("kty", "oct") + member("k", encode_base64url(secret_));
  } else if (algorithm_ == JwtAlgorithm::eddsa) {
    std::string raw(32, '\0');
    size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key_, reinterpret_cast<unsigned char*>(raw.data()), &size);
    out += member("kty", "OKP") + member("crv", "Ed25519") + member("x", encode_base64url(raw));
  } else if (signature_of(algorithm_).scheme == crypto::Scheme::ecdsa) {
    size_t half = half_of(algorithm_);
    out += member("kty", "EC") + member("crv", curve_of(algorithm_)) +
           member("x", number(key_, OSSL_PKEY_PARAM_EC_PUB_X, half)) +
           member("y", number(key_, OSSL_PKEY_PARAM_EC_PUB_Y, half));
  } else {
    out += member("kty", "RSA") + member("n", number(key_, OSSL_PKEY_PARAM_RSA_N, 0)) +
           member("e", number(key_, OSSL_PKEY_PARAM_RSA_E, 0));
  }
  return out + "}";
}

std::string Signer::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key_);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

std::string Signer::sign(std::string_view message) const {
  if (is_symmetric(algorithm_))
    return crypto::HmacKey(hash_of(algorithm_), secret_).code(message);
  crypto::Scheme scheme = signature_of(algorithm_).scheme;
  EVP_MD_CTX* state = EVP_MD_CTX_new();
  EVP_PKEY_CTX* settings = nullptr;
  const char* hash = scheme == crypto::Scheme::eddsa ? nullptr : hash_text(algorithm_);
  EVP_DigestSignInit_ex(state, &settings, hash, nullptr, nullptr, key_, nullptr);
  if (scheme == crypto::Scheme::rsa_pss) {
    EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
  }
  unsigned char out[1024];
  size_t size = sizeof(out);
  int done = EVP_DigestSign(state, out, &size,
                            reinterpret_cast<const unsigned char*>(message.data()), message.size());
  EVP_MD_CTX_free(state);
  CHECK(done == 1);
  if (scheme != crypto::Scheme::ecdsa) return {reinterpret_cast<char*>(out), size};
  const unsigned char* at = out;
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
  size_t half = half_of(algorithm_);
  std::string flat(2 * half, '\0');
  auto* to = reinterpret_cast<unsigned char*>(flat.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, static_cast<int>(half));
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + half, static_cast<int>(half));
  ECDSA_SIG_free(pair);
  return flat;
}

std::string Signer::token_with_header(std::string_view header, std::string_view payload) const {
  std::string message = encode_base64url(header) + "." + encode_base64url(payload);
  return message + "." + encode_base64url(sign(message));
}

std::string Signer::token(std::string_view payload) const {
  std::string header = "{\"alg\":\"" + std::string(jwt_algorithm_name(algorithm_)) + "\"";
  if (!key_id_.empty()) header += member("kid", key_id_);
  return token_with_header(header + "}", payload);
}

}  // namespace sluice::policy
