// What the TLS connections of clients share: certificates, versions, tickets, who may come in. Built
// once, const afterwards, used by every worker. Knows no sockets; the connections are net/tls.h.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/ticket_keys.h"
#include "net/tls_files.h"
#include "net/tls_pem.h"
#include "net/tls_settings.h"

namespace sluice::net {

/// Client certificates: asked for, and verified when they come.
struct TlsClientCheck {
  enum class Mode : uint8_t { require, optional };
  std::string ca;
  std::string crl{};   // empty: revocation is not checked
  Mode mode = Mode::require;
};

struct TlsServerOptions {
  std::string name{};                             // of [tls.NAME]: tickets are bound to it
  std::vector<CertificateFiles> certificates{};   // at least one; the first serves unknown names
  TlsProfile profile = TlsProfile::intermediate;
  std::vector<std::string> protocols{"http/1.1"};   // ALPN, by preference; empty: not negotiated
  std::optional<TlsClientCheck> client_check{};
  std::shared_ptr<SharedTicketKeys> tickets{};   // null: no session is resumed

  /// Every file that is named here, each once.
  std::vector<std::string> files() const;
};

/// Certificates in a client's chain between its own and the authority, and bytes of its message.
inline constexpr int kClientChainMax = 4;
inline constexpr long kClientChainBytesMax = 32 * 1024;   // OpenSSL's default is 100 KiB

/// One [tls.NAME]. The certificate is chosen by SNI in the client-hello callback and nowhere else:
/// choosing it later lets a resumed session of one host into another. A ticket resumes only with the
/// same pair, and with the same authorities, revocation list and mode as when it was made.
/// see: CVE-2025-23419
class TlsServerContext {
 public:
  using Options = TlsServerOptions;
  using Loaded = Result<std::shared_ptr<const TlsServerContext>, TlsFault>;
  /// errors: no certificate, unreadable files, a key that does not fit its certificate
  static Loaded load(const TlsServerOptions& options);
  /// needs: `files` holds options.files()
  static Loaded make(const TlsServerOptions& options, const TlsFiles& files);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  SSL_CTX* ssl() const { return contexts_.front().get(); }
  /// gives: the context for a server name (lower case): its exact name, then a wildcard of one
  /// label, then the first
  SSL_CTX* choose(std::string_view name) const;
  /// When its certificates, authorities and lists end; the order is that of the options.
  const std::vector<TlsExpiry>& expiries() const { return expiries_; }
  /// Whom its revocation lists name; null: it has none.
  const std::shared_ptr<const crypto::RevokedCertificates>& revoked() const { return revoked_; }
  const std::string& name() const { return name_; }

  /// needs: a connection of one
  static const TlsServerContext& of(const SSL* ssl);
  /// gives: crypto::ClientCertificate::ids of the client's chain, as it was verified; a ticket keeps them
  static std::string client_ids(const SSL* ssl);

 private:
  TlsServerContext() = default;
  void claim_names(SSL_CTX* context);
  Result<void, TlsFault> add(const CertificateFiles& pair, const TlsServerOptions& options,
                             const TlsFiles& files);
  Result<void, TlsFault> check_clients(const TlsClientCheck& check, const TlsFiles& files);
  void bind_tickets(const TlsServerOptions& options, const TlsFiles& files);
  static int on_client_hello(SSL* ssl, int* alert, void* self);
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* offered, unsigned offered_size, void* self);
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int encrypts);
  static int on_new_ticket(SSL* ssl, void* self);
  static SSL_TICKET_RETURN on_session(SSL* ssl, SSL_SESSION* session, const unsigned char* name,
                                      size_t name_size, SSL_TICKET_STATUS status, void* self);

  std::vector<SslContextPtr> contexts_;
  std::map<std::string, SSL_CTX*, std::less<>> names_;   // "*.example.com" for a wildcard
  std::string protocols_;                                // in wire form
  std::shared_ptr<SharedTicketKeys> tickets_;
  std::vector<TlsExpiry> expiries_;
  std::shared_ptr<const crypto::RevokedCertificates> revoked_;
  std::string name_;
};

/// Host name of a client hello, lower case, without a trailing dot; empty when there is none.
std::string client_hello_name(SSL* ssl);

}  // namespace sluice::net
