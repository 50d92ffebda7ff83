// How upstreams are spoken to over TLS: whom we trust, and who we are. Built once, const afterwards,
// used by every worker. Knows no sockets; the connections are net/tls.h.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/tls_files.h"
#include "net/tls_pem.h"
#include "net/tls_settings.h"

namespace sluice::net {

enum class TlsVerify : uint8_t { peer, none };

struct TlsClientOptions {
  TlsVerify verify = TlsVerify::peer;
  std::string ca_file{};                              // PEM; empty: the system's authorities
  std::optional<CertificateFiles> certificate{};      // ours, for servers that ask for one
  std::vector<std::string> protocols{"http/1.1"};

  /// Every file that is named here, each once.
  std::vector<std::string> files() const;
};

class TlsClientContext {
 public:
  using Options = TlsClientOptions;
  using Loaded = Result<std::shared_ptr<const TlsClientContext>, TlsFault>;
  /// errors: unreadable files, a key that does not fit its certificate
  static Loaded load(const TlsClientOptions& options);
  /// needs: `files` holds options.files()
  static Loaded make(const TlsClientOptions& options, const TlsFiles& files);

  SSL_CTX* ssl() const { return context_.get(); }
  /// Makes `ssl` ask for `name` and accept only its certificate. A name is sent as SNI, an IP
  /// address is not (RFC 6066 section 3); either must be in the certificate unless told otherwise.
  /// errors: the name is no host name
  Result<void> expect_name(SSL* ssl, std::string_view name) const;
  /// When our certificate and the authorities end.
  const std::vector<TlsExpiry>& expiries() const { return expiries_; }

 private:
  TlsClientContext() = default;
  Result<void, TlsFault> trust(const TlsClientOptions& options, const TlsFiles& files);

  SslContextPtr context_;
  TlsVerify verify_ = TlsVerify::peer;
  std::vector<TlsExpiry> expiries_;
};

}  // namespace sluice::net
