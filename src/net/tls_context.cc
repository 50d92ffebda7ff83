#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "base/ip.h"
#include "base/text.h"

namespace sluice::net {
namespace {

// AES-128 first: clients offer AES-256 first, which costs 19 % more for no gain in practice.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr size_t kNameBytesMax = 255;       // RFC 1035 section 2.3.4
constexpr size_t kProtocolBytesMax = 255;   // RFC 7301 section 3.1

TlsFault fault(std::string file) { return {std::move(file), tls_reason()}; }

/// A protected key must be an error, not a question on the terminal.
int no_password(char*, int, int, void*) { return -1; }

Result<SslContextPtr, TlsFault> make_context(const SSL_METHOD* method, TlsVersion version_min) {
  ERR_clear_error();
  SslContextPtr context(SSL_CTX_new(method));
  if (!context) return fault("");
  SSL_CTX* ssl = context.get();
  int version = version_min == TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(ssl, version) != 1 ||
      SSL_CTX_set_cipher_list(ssl, kCiphers12) != 1 ||
      SSL_CTX_set_ciphersuites(ssl, kCiphers13) != 1 ||
      SSL_CTX_set1_groups_list(ssl, kGroups) != 1) {
    return fault("");
  }
  SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(ssl, 0);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ssl, 1);
  SSL_CTX_set_default_passwd_cb(ssl, &no_password);
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

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string lower_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), ascii_lower);
  return lower;
}

const char* tls_reason() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_SYSTEM_ERROR(code)
                           ? strerrordesc_np(static_cast<int>(code & ERR_SYSTEM_MASK))
                           : ERR_reason_error_string(code);
  return reason ? reason : "unknown error";
}

std::string client_hello_name(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  // RFC 6066 section 3: list length (2), type 0 (1), name length (2), name; one name in practice.
  // What does not fit is left to OpenSSL, which refuses it.
  if (size < 5 || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  size_t length = static_cast<size_t>(data[3]) << 8 | data[4];
  if (length > size - 5 || length > kNameBytesMax) return {};
  return lower_host_name({reinterpret_cast<const char*>(data) + 5, length});
}

Result<std::shared_ptr<const TlsServerContext>, TlsFault> TlsServerContext::load(
    const TlsServerOptions& options) {
  if (options.certificates.empty()) return TlsFault{"", "no certificate is given"};
  std::shared_ptr<TlsServerContext> built(new TlsServerContext);
  auto protocols = wire_protocols(options.protocols);
  if (!protocols) return protocols.error();
  built->protocols_ = *protocols;
  for (const CertificateFiles& files : options.certificates) {
    if (auto added = built->add(files, options); !added) return added.error();
  }
  SSL_CTX_set_client_hello_cb(built->ssl(), &TlsServerContext::on_client_hello, built.get());
  return std::shared_ptr<const TlsServerContext>(std::move(built));
}

Result<void, TlsFault> TlsServerContext::add(const CertificateFiles& files,
                                             const TlsServerOptions& options) {
  auto made = make_context(TLS_server_method(), options.version_min);
  if (!made) return made.error();
  SSL_CTX* ssl = made->get();
  if (SSL_CTX_use_certificate_chain_file(ssl, files.certificate.c_str()) != 1) {
    return fault(files.certificate);
  }
  // A key that does not fit is refused here too ("key values mismatch").
  if (SSL_CTX_use_PrivateKey_file(ssl, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(ssl) != 1) {
    return fault(files.key);
  }
  if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(ssl, &TlsServerContext::on_alpn, this);
  claim_names(ssl);
  contexts_.push_back(std::move(*made));
  return {};
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

int TlsServerContext::on_client_hello(SSL* ssl, int*, void* self) {
  // Every context has the same versions, options and callbacks: only the certificate differs.
  SSL_set_SSL_CTX(ssl, static_cast<TlsServerContext*>(self)->choose(client_hello_name(ssl)));
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsServerContext::on_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                              const unsigned char* offered, unsigned offered_size, void* self) {
  const std::string& ours = static_cast<TlsServerContext*>(self)->protocols_;
  unsigned char* pick = nullptr;
  int status = SSL_select_next_proto(&pick, chosen_size, bytes_of(ours),
                                     static_cast<unsigned>(ours.size()), offered, offered_size);
  if (status != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = pick;
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<const TlsClientContext>, TlsFault> TlsClientContext::load(
    const TlsClientOptions& options) {
  std::shared_ptr<TlsClientContext> built(new TlsClientContext);
  auto made = make_context(TLS_client_method(), options.version_min);
  if (!made) return made.error();
  SSL_CTX* ssl = made->get();
  auto protocols = wire_protocols(options.protocols);
  if (!protocols) return protocols.error();
  if (!protocols->empty() &&
      SSL_CTX_set_alpn_protos(ssl, bytes_of(*protocols),   // 0 is success here
                              static_cast<unsigned>(protocols->size())) != 0) {
    return fault("");
  }
  built->verify_ = options.verify;
  if (options.verify == TlsVerify::peer) {
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    if (options.ca_file.empty() && SSL_CTX_set_default_verify_paths(ssl) != 1) return fault("");
    if (!options.ca_file.empty() && SSL_CTX_load_verify_file(ssl, options.ca_file.c_str()) != 1) {
      return fault(options.ca_file);
    }
  }
  built->context_ = std::move(*made);
  return std::shared_ptr<const TlsClientContext>(std::move(built));
}

Result<void> TlsClientContext::expect_name(SSL* ssl, std::string_view name) const {
  const Error bad{Code::bad_value, Side::gateway, Progress::unsent, "no host name for TLS"};
  std::string text = lower_host_name(name);
  if (text.empty() || text.size() > kNameBytesMax || text.find('\0') != text.npos) return bad;
  if (auto ip = IpAddress::parse(text)) {
    if (verify_ == TlsVerify::none) return {};
    size_t size = ip->is_v4() ? 4 : 16;
    if (X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), ip->bytes().data(), size) != 1) return bad;
    return {};
  }
  if (SSL_set_tlsext_host_name(ssl, text.c_str()) != 1) return bad;
  if (verify_ == TlsVerify::none) return {};
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(ssl, text.c_str()) != 1) return bad;
  return {};
}

}  // namespace sluice::net
