#include "crypto/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.h"
#include "crypto/names.h"

namespace sluice::crypto {

HmacKey::HmacKey(Hash hash, std::string_view key) : hash_(hash) {
  CHECK(!key.empty());
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  CHECK(mac != nullptr);
  EVP_MAC_CTX* state = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);   // the state holds it
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(hash_name(hash)),
                                       0),
      OSSL_PARAM_construct_end()};
  int done = EVP_MAC_init(state, reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                          parameters);
  CHECK(done == 1);
  keyed_ = std::shared_ptr<const EVP_MAC_CTX>(state, [](const EVP_MAC_CTX* dead) {
    EVP_MAC_CTX_free(const_cast<EVP_MAC_CTX*>(dead));
  });
}

std::string HmacKey::code(std::string_view message) const {
  std::string out(digest_bytes(hash_), '\0');
  Hmac once(*this);
  once.add(message);
  once.finish(reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

bool HmacKey::verify(std::string_view message, std::string_view code) const {
  unsigned char expected[kDigestBytesMax];
  Hmac once(*this);
  once.add(message);
  once.finish(expected);
  return equal_constant_time(code, {reinterpret_cast<char*>(expected), digest_bytes(hash_)});
}

void Hmac::Free::operator()(EVP_MAC_CTX* state) const {
  EVP_MAC_CTX_free(state);
}

Hmac::Hmac(const HmacKey& key)
    : hash_(key.hash_), state_(EVP_MAC_CTX_dup(key.keyed_.get())) {
  CHECK(state_ != nullptr);
}

void Hmac::add(std::string_view piece) {
  int done = EVP_MAC_update(state_.get(), reinterpret_cast<const unsigned char*>(piece.data()),
                            piece.size());
  CHECK(done == 1);
}

void Hmac::finish(unsigned char* out) {
  size_t bytes = 0;
  int done = EVP_MAC_final(state_.get(), out, &bytes, digest_bytes(hash_));
  CHECK(done == 1 && bytes == digest_bytes(hash_));
  // Without a key: the keyed state from the beginning.
  done = EVP_MAC_init(state_.get(), nullptr, 0, nullptr);
  CHECK(done == 1);
}

}  // namespace sluice::crypto
