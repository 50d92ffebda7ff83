#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/names.h"

namespace sluice::crypto {

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Digest::Digest(Hash hash) : hash_(hash) {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, hash_name(hash), nullptr);
  CHECK(algorithm != nullptr);
  algorithm_ = std::shared_ptr<const EVP_MD>(
      algorithm, [](const EVP_MD* md) { EVP_MD_free(const_cast<EVP_MD*>(md)); });
}

std::string Digest::of(std::string_view text) const {
  std::string out(bytes(), '\0');
  int done = EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()),
                        nullptr, algorithm_.get(), nullptr);
  CHECK(done == 1);
  return out;
}

void Hasher::Free::operator()(EVP_MD_CTX* state) const {
  EVP_MD_CTX_free(state);
}

Hasher::Hasher(const Digest& digest) : algorithm_(digest.algorithm_), state_(EVP_MD_CTX_new()) {
  CHECK(state_ != nullptr);
  begin();
}

void Hasher::begin() {
  int done = EVP_DigestInit_ex2(state_.get(), algorithm_.get(), nullptr);
  CHECK(done == 1);
}

void Hasher::add(std::string_view piece) {
  int done = EVP_DigestUpdate(state_.get(), piece.data(), piece.size());
  CHECK(done == 1);
}

void Hasher::finish(unsigned char* out) {
  int done = EVP_DigestFinal_ex(state_.get(), out, nullptr);
  CHECK(done == 1);
  begin();
}

}  // namespace sluice::crypto
