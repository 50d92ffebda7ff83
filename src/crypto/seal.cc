#include "crypto/seal.h"

#include "base/check.h"
#include "crypto/handles.h"

namespace sluice::crypto {
namespace {

constexpr std::array<unsigned char, 12> kNonce{};

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

Seal::Seal() {
  EVP_CIPHER* found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  CHECK(found != nullptr);
  algorithm_ = std::shared_ptr<const EVP_CIPHER>(
      found, [](const EVP_CIPHER* dead) { EVP_CIPHER_free(const_cast<EVP_CIPHER*>(dead)); });
}

std::string Seal::close(const Key& key, std::string_view text) const {
  OwnedCipherContext state(EVP_CIPHER_CTX_new());
  std::string out(text.size() + kTagBytes, '\0');
  int size = static_cast<int>(text.size()), written = 0, last = 0;
  bool done = state && EVP_EncryptInit_ex2(state.get(), algorithm_.get(), key.data(), kNonce.data(), nullptr) == 1 &&
              EVP_EncryptUpdate(state.get(), bytes_of(out), &written, bytes_of(text), size) == 1 && written == size &&
              EVP_EncryptFinal_ex(state.get(), bytes_of(out) + size, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(state.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, bytes_of(out) + size) == 1;
  CHECK(done);
  return out;
}

std::optional<Secret> Seal::open(const Key& key, std::string_view sealed) const {
  if (sealed.size() < kTagBytes) return std::nullopt;
  OwnedCipherContext state(EVP_CIPHER_CTX_new());
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string out(sealed.size() - kTagBytes, '\0');
  int size = static_cast<int>(out.size()), written = 0, last = 0;
  bool begun = state && EVP_DecryptInit_ex2(state.get(), algorithm_.get(), key.data(), kNonce.data(), nullptr) == 1 &&
               EVP_CIPHER_CTX_ctrl(state.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1;
  CHECK(begun);
  bool good = EVP_DecryptUpdate(state.get(), bytes_of(out), &written, bytes_of(sealed), size) == 1 && written == size &&
              EVP_DecryptFinal_ex(state.get(), bytes_of(out) + size, &last) == 1;
  Secret text(std::move(out));   // wipes what was no such text, too
  return good ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace sluice::crypto
