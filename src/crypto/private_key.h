// Private keys, for what signs: `sluice sign`. The gateway itself only verifies.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "crypto/signature.h"

namespace sluice::crypto {

class PrivateKey {
 public:
  /// "BEGIN PRIVATE KEY" and OpenSSL's older forms, without a passphrase.
  /// errors: bad_value or unsupported; `what` says why
  static Result<PrivateKey> from_pem(std::string_view text);

  KeyType type() const { return key_.type(); }
  /// needs: matches(type(), algorithm). gives: as Verifier::verify takes it; empty when OpenSSL cannot
  std::string sign(std::string_view message, Algorithm algorithm) const;

 private:
  explicit PrivateKey(PublicKey key) : key_(std::move(key)) {}
  PublicKey key_;   // with its private half
};

}  // namespace sluice::crypto
