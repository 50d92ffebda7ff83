#include "crypto/sha1.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace sluice::crypto {

std::string sha1(std::string_view bytes) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);   // looked up once, kept to the end
  CHECK(algorithm != nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr) == 1);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string sha1_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char each : sha1(bytes)) {
    auto byte = static_cast<unsigned char>(each);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace sluice::crypto
