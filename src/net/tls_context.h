// What TLS connections share: certificates, versions, ciphers, trust. Built once, const afterwards,
// used by every worker. Knows no sockets; the connections are net/tls.h.
// Session tickets are off (SSL_OP_NO_TICKET, none sent in TLS 1.3): OpenSSL's own keys are one per
// context, and a ticket of one host must never open another one that asks for a client certificate.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::net {

/// Why a context could not be built, for a message to the operator.
struct TlsFault {
  std::string file;     // the file at fault; empty when it is not about a file
  std::string reason;   // OpenSSL's or the system's words
};

enum class TlsVersion : uint8_t { tls12, tls13 };

/// A PEM certificate, leaf first and its chain behind it, and its key; the key is not encrypted.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

struct TlsServerOptions {
  std::vector<CertificateFiles> certificates{};   // at least one; the first serves unknown names
  TlsVersion version_min = TlsVersion::tls12;
  std::vector<std::string> protocols{"http/1.1"};   // ALPN, by preference; empty: not negotiated
};

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextDeleter>;

/// One listener's certificates. The certificate is chosen by SNI in the client-hello callback and
/// nowhere else: choosing it later lets a resumed session of one host into another.
/// see: CVE-2025-23419
class TlsServerContext {
 public:
  /// errors: no certificate, unreadable files, a key that does not fit its certificate
  static Result<std::shared_ptr<const TlsServerContext>, TlsFault> load(
      const TlsServerOptions& options);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  SSL_CTX* ssl() const { return contexts_.front().get(); }
  /// gives: the context for a server name (lower case): its exact name, then a wildcard of one
  /// label, then the first
  SSL_CTX* choose(std::string_view name) const;

 private:
  TlsServerContext() = default;
  void claim_names(SSL_CTX* context);
  Result<void, TlsFault> add(const CertificateFiles& files, const TlsServerOptions& options);
  static int on_client_hello(SSL* ssl, int* alert, void* self);
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* offered, unsigned offered_size, void* self);

  std::vector<SslContextPtr> contexts_;
  std::map<std::string, SSL_CTX*, std::less<>> names_;   // "*.example.com" for a wildcard
  std::string protocols_;                                // in wire form
};

enum class TlsVerify : uint8_t { peer, none };

struct TlsClientOptions {
  TlsVerify verify = TlsVerify::peer;
  std::string ca_file{};   // PEM; empty: the system's authorities
  TlsVersion version_min = TlsVersion::tls12;
  std::vector<std::string> protocols{"http/1.1"};
};

/// How upstreams are spoken to over TLS.
class TlsClientContext {
 public:
  static Result<std::shared_ptr<const TlsClientContext>, TlsFault> load(
      const TlsClientOptions& options);

  SSL_CTX* ssl() const { return context_.get(); }
  /// Makes `ssl` ask for `name` and accept only its certificate. A name is sent as SNI, an IP
  /// address is not (RFC 6066 section 3); either must be in the certificate unless told otherwise.
  /// errors: the name is no host name
  Result<void> expect_name(SSL* ssl, std::string_view name) const;

 private:
  TlsClientContext() = default;
  SslContextPtr context_;
  TlsVerify verify_ = TlsVerify::peer;
};

/// A host name as it is compared: lower case, without a trailing dot.
std::string lower_host_name(std::string_view name);

/// Host name of a client hello, lower case, without a trailing dot; empty when there is none.
std::string client_hello_name(SSL* ssl);

/// OpenSSL's (or the system's) words for the first error in this thread's queue; empties the queue.
/// gives: static text
const char* tls_reason();

}  // namespace sluice::net
