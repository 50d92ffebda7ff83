// What a client's certificate says, once its chain has been verified: for policies and logs.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"

namespace sluice::crypto {

/// By which lists of revocation find a certificate: a digest of its issuer and serial number, and of the [tls.NAME]
/// that it was shown to, for which alone a list speaks.
using CertificateId = std::array<char, 16>;
inline std::string_view view_of(const CertificateId& id) { return {id.data(), id.size()}; }
inline constexpr size_t kCertificateIdBytes = std::tuple_size_v<CertificateId>;

/// Texts as in the certificate, from outside: names beyond kNamesMax of a kind are left out, as is
/// what is longer than kTextBytesMax.
struct ClientCertificate {
  static constexpr size_t kNamesMax = 32;
  static constexpr size_t kTextBytesMax = 1024;

  std::string subject;                   // RFC 4514: "CN=acme,O=Acme Inc"; ASCII, the rest escaped
  std::vector<std::string> dns_names;    // of the subject alternative name; lower case
  std::vector<std::string> uris;         // there too: "spiffe://..."
  std::vector<std::string> emails;
  std::string sha256;                    // of the whole certificate, 64 hex digits
  WallTime expires = WallTime::max();    // its notAfter
  std::string ids{};                     // of the certificates of its chain, its own first, one after the other
};

}  // namespace sluice::crypto
