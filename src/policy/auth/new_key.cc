#include "policy/auth/new_key.h"

#include <array>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kRandomChars = 40;
constexpr size_t kCheckChars = 6;   // 62^6 > 2^32

// CRC-32 of ISO 3309, as zlib and PNG have it: checkers exist everywhere.
uint32_t crc32(std::string_view text) {
  uint32_t crc = ~0U;
  for (char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

std::string checksum(std::string_view text) {
  std::string out(kCheckChars, kAlphabet[0]);
  uint32_t left = crc32(text);
  for (size_t i = kCheckChars; i-- > 0; left /= 62) out[i] = kAlphabet[left % 62];
  return out;
}

}  // namespace

std::string new_key() {
  std::string key(kKeyPrefix);
  while (key.size() < kKeyPrefix.size() + kRandomChars) {
    std::array<unsigned char, 64> random;
    crypto::fill_random(random);
    for (unsigned char byte : random) {   // 248 = 4 x 62: every letter is as likely
      if (byte < 248 && key.size() < kKeyPrefix.size() + kRandomChars) key += kAlphabet[byte % 62];
    }
  }
  return key + checksum(key);
}

bool is_key(std::string_view text) {
  if (text.size() != kKeyPrefix.size() + kRandomChars + kCheckChars || !text.starts_with(kKeyPrefix)) return false;
  size_t checked = text.size() - kCheckChars;
  return text.substr(checked) == checksum(text.substr(0, checked));
}

KeyHash hash_of(std::string_view key) {
  std::string digest = crypto::Digest(crypto::Hash::sha256).of(key);
  KeyHash hash;
  digest.copy(reinterpret_cast<char*>(hash.bytes.data()), hash.bytes.size());
  return hash;
}

}  // namespace sluice::policy
