// The public keys of RFC 9421 appendix B.1, and who signs with them.
#pragma once

#include <string>
#include <string_view>

#include "base/base64.h"
#include "policy/signature/signing_key.h"

namespace sluice::policy {

inline constexpr std::string_view kRfcRsaPss =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\n"
    "+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\n"
    "oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\n"
    "gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\n"
    "Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\n"
    "aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\n"
    "2wIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr std::string_view kRfcP256 =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n"
    "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr std::string_view kRfcEd25519 =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr std::string_view kRfcSecret =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

inline SigningKey rfc_public_key(std::string_view pem, SigningAlgorithm algorithm) {
  return *SigningKey::from_public_key(*crypto::PublicKey::from_pem(pem), algorithm);
}

inline SigningKey rfc_secret() {
  std::string secret;
  decode_base64(kRfcSecret, secret);
  return *SigningKey::from_secret(secret);
}

inline RequestSigners rfc_signers() {
  using enum SigningAlgorithm;
  RequestSigners signers;
  signers.add({"test-key-rsa-pss", "pss", rfc_public_key(kRfcRsaPss, rsa_pss_sha512)});
  signers.add({"test-key-ecc-p256", "ecc", rfc_public_key(kRfcP256, ecdsa_p256_sha256)});
  signers.add({"test-key-ed25519", "ed", rfc_public_key(kRfcEd25519, ed25519)});
  signers.add({"test-shared-secret", "secret", rfc_secret()});
  return signers;
}

}  // namespace sluice::policy
