// What OpenSSL calls our algorithms, and how long their signatures are (private to this folder).
#pragma once

#include "crypto/digest.h"
#include "crypto/signature.h"

namespace sluice::crypto {

inline const char* hash_name(Hash hash) {
  switch (hash) {
    case Hash::sha256: return "SHA2-256";
    case Hash::sha384: return "SHA2-384";
    case Hash::sha512: return "SHA2-512";
  }
  return "";
}

/// A coordinate's length on the curve, which is that of r and of s too.
inline size_t half_of_signature(KeyType type) {
  return type == KeyType::p256 ? 32 : type == KeyType::p384 ? 48 : 66;
}

}  // namespace sluice::crypto
