#include "crypto/private_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "crypto/handles.h"
#include "crypto/names.h"

namespace sluice::crypto {
namespace {

int no_passphrase(char*, int, int, void*) {
  return -1;
}

/// r and s side by side, each of `half` bytes.
std::string from_der(const std::string& der, size_t half) {
  auto at = reinterpret_cast<const unsigned char*>(der.data());
  OwnedSignature pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!pair) return {};
  std::string out(2 * half, '\0');
  auto to = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, static_cast<int>(half));
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + half, static_cast<int>(half));
  return out;
}

}  // namespace

Result<PrivateKey> PrivateKey::from_pem(std::string_view text) {
  OwnedBio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr);
  ERR_clear_error();
  if (key == nullptr)
    return Error{Code::bad_value, Side::gateway, Progress::unsent,
                 "no private key in PEM, or one with a passphrase"};
  Result<PublicKey> admitted = PublicKey::admit(key);
  if (!admitted) return admitted.error();
  return PrivateKey(*std::move(admitted));
}

std::string PrivateKey::sign(std::string_view message, Algorithm algorithm) const {
  CHECK(matches(type(), algorithm));
  OwnedHashContext state(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;   // owned by the state
  const char* hash = algorithm.scheme == Scheme::eddsa ? nullptr : hash_name(algorithm.hash);
  bool good = state && EVP_DigestSignInit_ex(state.get(), &settings, hash, nullptr, nullptr,
                                             key_.key_.get(), nullptr) == 1;
  if (good && algorithm.scheme == Scheme::rsa_pss) {
    good = EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  auto bytes = reinterpret_cast<const unsigned char*>(message.data());
  size_t size = 0;
  good = good && EVP_DigestSign(state.get(), nullptr, &size, bytes, message.size()) == 1;
  std::string out(size, '\0');
  good = good && EVP_DigestSign(state.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                bytes, message.size()) == 1;
  ERR_clear_error();
  if (!good) return {};
  out.resize(size);
  return algorithm.scheme == Scheme::ecdsa ? from_der(out, half_of_signature(type())) : out;
}

}  // namespace sluice::crypto
