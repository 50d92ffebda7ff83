// What a client's certificate says, once its chain has been verified: for policies and logs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"

namespace sluice::crypto {

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
};

}  // namespace sluice::crypto
