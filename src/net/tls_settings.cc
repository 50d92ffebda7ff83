#include "net/tls_settings.h"

#include <openssl/err.h>

#include <algorithm>

#include "base/text.h"

namespace sluice::net {
namespace {

constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr size_t kProtocolBytesMax = 255;   // RFC 7301 section 3.1

}  // namespace

Result<SslContextPtr, TlsFault> make_ssl_context(const SSL_METHOD* method, TlsProfile profile) {
  ERR_clear_error();
  SslContextPtr context(SSL_CTX_new(method));
  if (!context) return TlsFault{"", tls_reason()};
  SSL_CTX* ssl = context.get();
  int version = profile == TlsProfile::modern ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(ssl, version) != 1 ||
      SSL_CTX_set_cipher_list(ssl, kCiphers12) != 1 ||
      SSL_CTX_set_ciphersuites(ssl, kCiphers13) != 1 ||
      SSL_CTX_set1_groups_list(ssl, kGroups) != 1) {
    return TlsFault{"", tls_reason()};
  }
  SSL_CTX_set_options(
      ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ssl, 1);
  return context;
}

Result<std::string, TlsFault> wire_protocols(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > kProtocolBytesMax) {
      return TlsFault{"", "an ALPN protocol name must have 1 to 255 bytes"};
    }
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

std::string lower_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), ascii_lower);
  return lower;
}

}  // namespace sluice::net
