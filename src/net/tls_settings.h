// What every TLS context of ours has in common: versions, ciphers, groups, options. One place, so
// that clients and upstreams are spoken to alike.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/tls_pem.h"

namespace sluice::net {

/// Mozilla's server side TLS guidelines, version 6: "intermediate" is TLS 1.2 and 1.3 with the six
/// ECDHE suites, "modern" is 1.3 alone. Theirs too: X25519, P-256, P-384. Ours: AES-128 comes first
/// and the server chooses, because clients put AES-256 first, which costs 19 % more.
enum class TlsProfile : uint8_t { intermediate, modern };

/// Every context begins with this: no renegotiation, no compression, no session cache; an idle
/// connection holds no buffer.
Result<SslContextPtr, TlsFault> make_ssl_context(const SSL_METHOD* method, TlsProfile profile);

/// ALPN in wire form. errors: a name of no or over 255 bytes
Result<std::string, TlsFault> wire_protocols(const std::vector<std::string>& protocols);

inline const unsigned char* openssl_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// A host name as it is compared: lower case, without a trailing dot.
std::string lower_host_name(std::string_view name);
inline constexpr size_t kHostNameBytesMax = 255;   // RFC 1035 section 2.3.4

}  // namespace sluice::net
