#include "crypto/secret.h"

#include <openssl/crypto.h>

namespace sluice::crypto {

void Secret::wipe(std::string& bytes) {
  OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace sluice::crypto
