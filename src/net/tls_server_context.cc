#include "net/tls_server_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/check.h"

namespace sluice::net {
namespace {

// Two tickets for each full handshake: browsers open connections in pairs, and a ticket is for one.
constexpr size_t kTickets = 2;

/// Parts with their lengths, so that no two lists of parts look alike.
void append_part(std::string& to, std::string_view part) {
  to += std::to_string(part.size());
  to += ':';
  to += part;
}

}  // namespace

std::vector<std::string> TlsServerOptions::files() const {
  std::vector<std::string> out;
  auto add = [&](const std::string& path) {
    if (!path.empty() && std::find(out.begin(), out.end(), path) == out.end()) out.push_back(path);
  };
  for (const CertificateFiles& pair : certificates) {
    add(pair.certificate);
    add(pair.key);
  }
  if (client_check) {
    add(client_check->ca);
    add(client_check->crl);
  }
  return out;
}

std::string client_hello_name(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  // RFC 6066 section 3: list length (2), type 0 (1), name length (2), name; one name in practice.
  // What does not fit is left to OpenSSL, which refuses it.
  if (size < 5 || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  size_t length = static_cast<size_t>(data[3]) << 8 | data[4];
  if (length > size - 5 || length > kHostNameBytesMax) return {};
  return lower_host_name({reinterpret_cast<const char*>(data) + 5, length});
}

TlsServerContext::Loaded TlsServerContext::load(const TlsServerOptions& options) {
  auto files = TlsFiles::read(options.files());
  if (!files) return files.error();
  return make(options, *files);
}

TlsServerContext::Loaded TlsServerContext::make(const TlsServerOptions& options,
                                                const TlsFiles& files) {
  if (options.certificates.empty()) return TlsFault{"", "no certificate is given"};
  std::shared_ptr<TlsServerContext> built(new TlsServerContext);
  auto protocols = wire_protocols(options.protocols);
  if (!protocols) return protocols.error();
  built->protocols_ = *protocols;
  built->tickets_ = options.tickets;
  built->name_ = options.name;
  for (const CertificateFiles& pair : options.certificates) {
    if (auto added = built->add(pair, options, files); !added) return added.error();
  }
  if (options.client_check) {
    auto checked = built->check_clients(*options.client_check, files);
    if (!checked) return checked.error();
  }
  if (options.tickets) built->bind_tickets(options, files);
  SSL_CTX_set_client_hello_cb(built->ssl(), &TlsServerContext::on_client_hello, built.get());
  return std::shared_ptr<const TlsServerContext>(std::move(built));
}

Result<void, TlsFault> TlsServerContext::add(const CertificateFiles& pair,
                                             const TlsServerOptions& options,
                                             const TlsFiles& files) {
  auto made = make_ssl_context(TLS_server_method(), options.profile);
  if (!made) return made.error();
  SSL_CTX* ssl = made->get();
  if (auto used = use_pair(ssl, files, pair); !used) return used.error();
  if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(ssl, &TlsServerContext::on_alpn, this);
  SSL_CTX_set_app_data(ssl, this);
  if (options.tickets) {
    SSL_CTX_set_num_tickets(ssl, kTickets);
    SSL_CTX_set_timeout(ssl, static_cast<long>(SharedTicketKeys::kLifetime.count()));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, &TlsServerContext::on_ticket);
    SSL_CTX_set_session_ticket_cb(ssl, &TlsServerContext::on_new_ticket, &TlsServerContext::on_session, this);
  } else {
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl, 0);
  }
  claim_names(ssl);
  expiries_.push_back({pair.certificate, expiry_of(SSL_CTX_get0_certificate(ssl))});
  contexts_.push_back(std::move(*made));
  return {};
}

Result<void, TlsFault> TlsServerContext::check_clients(const TlsClientCheck& check,
                                                       const TlsFiles& files) {
  auto authorities = read_authorities(files, check.ca);
  if (!authorities) return authorities.error();
  if (!check.crl.empty()) {
    auto revoked = add_lists(*authorities, files, check.crl, name_);
    if (!revoked) return revoked.error();
    revoked_ = std::make_shared<const crypto::RevokedCertificates>(*std::move(revoked));
  }
  int mode = SSL_VERIFY_PEER;
  if (check.mode == TlsClientCheck::Mode::require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  for (const SslContextPtr& context : contexts_) {
    // Apart from the store that OpenSSL completes our own chains from.
    SSL_CTX_set1_verify_cert_store(context.get(), authorities->store.get());
    SSL_CTX_set_verify(context.get(), mode, nullptr);
    SSL_CTX_set_verify_depth(context.get(), kClientChainMax);
    SSL_CTX_set_max_cert_list(context.get(), kClientChainBytesMax);
    if (auto named = name_authorities(context.get(), files, check.ca); !named) return named.error();
  }
  for (TlsExpiry& expiry : authorities->expiries) expiries_.push_back(std::move(expiry));
  return {};
}

// The id says under which circumstances a session was made; with any other it does not resume, and a
// full handshake takes place.
void TlsServerContext::bind_tickets(const TlsServerOptions& options, const TlsFiles& files) {
  std::string policy;
  append_part(policy, options.name);
  if (const auto& check = options.client_check) {
    append_part(policy, check->mode == TlsClientCheck::Mode::require ? "require" : "optional");
    append_part(policy, files.text(check->ca));
    append_part(policy, check->crl.empty() ? "" : files.text(check->crl));
  }
  for (size_t i = 0; i < contexts_.size(); ++i) {
    std::string whole = policy;
    append_part(whole, options.certificates[i].certificate);
    unsigned char id[SSL_MAX_SID_CTX_LENGTH];
    static_assert(sizeof(id) == 32);   // as long as a SHA-256
    CHECK(EVP_Digest(whole.data(), whole.size(), id, nullptr, EVP_sha256(), nullptr) == 1);
    CHECK(SSL_CTX_set_session_id_context(contexts_[i].get(), id, sizeof(id)) == 1);
  }
}

void TlsServerContext::claim_names(SSL_CTX* context) {
  X509* certificate = SSL_CTX_get0_certificate(context);
  auto claim = [&](const ASN1_STRING* text) {
    std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                          static_cast<size_t>(ASN1_STRING_length(text)));
    // The first to claim a name has it.
    if (!name.empty()) names_.try_emplace(lower_host_name(name), context);
  };
  bool found = false;
  auto* alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    claim(name->d.dNSName);
    found = true;
  }
  GENERAL_NAMES_free(alternatives);
  if (found) return;   // RFC 6125 section 6.4.4: the common name counts only without them
  const X509_NAME* subject = X509_get_subject_name(certificate);
  if (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0) {
    claim(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
}

SSL_CTX* TlsServerContext::choose(std::string_view name) const {
  if (auto exact = names_.find(name); exact != names_.end()) return exact->second;
  size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return ssl();
  std::string wildcard = "*" + std::string(name.substr(dot));
  auto found = names_.find(wildcard);
  return found != names_.end() ? found->second : ssl();
}

const TlsServerContext& TlsServerContext::of(const SSL* ssl) {
  return *static_cast<const TlsServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

int TlsServerContext::on_client_hello(SSL* ssl, int*, void* self) {
  // Every context has the same versions, options, callbacks and client check: only the certificate
  // differs. The mode of verification, which does not come along, is the same for all.
  SSL_set_SSL_CTX(ssl, static_cast<TlsServerContext*>(self)->choose(client_hello_name(ssl)));
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsServerContext::on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                              const unsigned char* offered, unsigned offered_size, void* self) {
  const auto* own = static_cast<const std::string*>(SSL_get_app_data(ssl));   // the listener's: accept_tls
  const std::string& ours = own ? *own : static_cast<TlsServerContext*>(self)->protocols_;
  unsigned char* pick = nullptr;
  int status = SSL_select_next_proto(&pick, chosen_size, openssl_bytes(ours),
                                     static_cast<unsigned>(ours.size()), offered, offered_size);
  if (status != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = pick;
  return SSL_TLSEXT_ERR_OK;
}

int TlsServerContext::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts) {
  return crypt_ticket(*of(ssl).tickets_, name, iv, cipher, mac, encrypts);
}

// A session holds the client's certificate without its chain. What was resumed has none, and has what its ticket says.
int TlsServerContext::on_new_ticket(SSL* ssl, void*) {
  if (SSL_get0_verified_chain(ssl) == nullptr) return 1;
  std::string ids = client_ids(ssl);
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), ids.data(), ids.size());
}

std::string TlsServerContext::client_ids(const SSL* ssl) {
  if (const auto* chain = SSL_get0_verified_chain(ssl)) return ids_of_chain(chain, of(ssl).name());
  void* data = nullptr;
  size_t size = 0;
  SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &size);
  return {static_cast<const char*>(data), size};
}

SSL_TICKET_RETURN TlsServerContext::on_session(SSL* ssl, SSL_SESSION* session, const unsigned char*,
                                               size_t, SSL_TICKET_STATUS status, void*) {
  if (status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW) {
    // A session must not outlive the client's certificate: it is verified again in a full handshake.
    X509* client = SSL_SESSION_get0_peer(session);
    bool expired = client && X509_cmp_current_time(X509_get0_notAfter(client)) <= 0;
    if (expired) return SSL_TICKET_RETURN_IGNORE_RENEW;
    // A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4): without another, every second
    // connection of a client would be a full handshake again.
    bool renew = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION;
    return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
  }
  return SSL_TICKET_RETURN_IGNORE_RENEW;
}

}  // namespace sluice::net
