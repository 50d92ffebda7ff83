// What OpenSSL calls our algorithms (private to this folder).
#pragma once

#include "crypto/digest.h"

namespace sluice::crypto {

inline const char* hash_name(Hash hash) {
  switch (hash) {
    case Hash::sha256: return "SHA2-256";
    case Hash::sha384: return "SHA2-384";
    case Hash::sha512: return "SHA2-512";
  }
  return "";
}

}  // namespace sluice::crypto
