#include "net/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace sluice::net {

TicketKey::~TicketKey() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TicketKey SharedTicketKeys::make() {
  TicketKey key;
  CHECK(RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1);
  CHECK(RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1);
  CHECK(RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1);
  return key;
}

SharedTicketKeys::SharedTicketKeys() : cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)) {
  CHECK(cipher_ != nullptr);
  keys_[0] = make();
}

bool SharedTicketKeys::rotate(TimePoint now) {
  if (!due_) due_ = now + kRotateEvery;
  if (now < *due_) return false;
  due_ = now + kRotateEvery;
  TicketKey key = make();
  std::lock_guard lock(mutex_);
  std::move_backward(keys_.begin(), keys_.end() - 1, keys_.end());
  keys_[0] = key;
  count_ = std::min(count_ + 1, kKept);
  return true;
}

TicketKey SharedTicketKeys::newest() const {
  std::lock_guard lock(mutex_);
  return keys_[0];
}

std::optional<std::pair<TicketKey, SharedTicketKeys::Age>> SharedTicketKeys::find(
    const unsigned char* name) const {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < count_; ++i) {
    if (std::memcmp(keys_[i].name.data(), name, keys_[i].name.size()) != 0) continue;
    return std::pair{keys_[i], i == 0 ? Age::newest : Age::older};
  }
  return std::nullopt;
}

namespace {

bool set_mac(EVP_MAC_CTX* mac, TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

int crypt_ticket(const SharedTicketKeys& keys, unsigned char* name, unsigned char* iv,
                 EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts) {
  constexpr int kFailed = -1, kNone = 0, kUse = 1, kUseAndRenew = 2;
  if (encrypts != 0) {
    TicketKey key = keys.newest();
    std::memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(keys.cipher())) != 1 ||
        EVP_EncryptInit_ex2(cipher, keys.cipher(), key.cipher.data(), iv, nullptr) != 1 ||
        !set_mac(mac, key)) {
      return kFailed;
    }
    return kUse;
  }
  auto found = keys.find(name);
  if (!found) return kNone;
  auto& [key, age] = *found;
  if (!set_mac(mac, key) ||
      EVP_DecryptInit_ex2(cipher, keys.cipher(), key.cipher.data(), iv, nullptr) != 1) {
    return kFailed;
  }
  return age == SharedTicketKeys::Age::newest ? kUse : kUseAndRenew;
}

}  // namespace sluice::net
