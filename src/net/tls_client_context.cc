#include "net/tls_client_context.h"

#include <openssl/x509v3.h>

#include "base/ip.h"

namespace sluice::net {

std::vector<std::string> TlsClientOptions::files() const {
  std::vector<std::string> out;
  if (verify == TlsVerify::peer && !ca_file.empty()) out.push_back(ca_file);
  if (certificate) {
    out.push_back(certificate->certificate);
    if (certificate->key != certificate->certificate) out.push_back(certificate->key);
  }
  return out;
}

TlsClientContext::Loaded TlsClientContext::load(const TlsClientOptions& options) {
  auto files = TlsFiles::read(options.files());
  if (!files) return files.error();
  return make(options, *files);
}

TlsClientContext::Loaded TlsClientContext::make(const TlsClientOptions& options,
                                                const TlsFiles& files) {
  std::shared_ptr<TlsClientContext> built(new TlsClientContext);
  auto made = make_ssl_context(TLS_client_method(), TlsProfile::intermediate);
  if (!made) return made.error();
  SSL_CTX* ssl = made->get();
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);   // no session is resumed: pooled connections are
  built->context_ = std::move(*made);
  built->verify_ = options.verify;
  auto protocols = wire_protocols(options.protocols);
  if (!protocols) return protocols.error();
  if (!protocols->empty() &&
      SSL_CTX_set_alpn_protos(ssl, openssl_bytes(*protocols),   // 0 is success here
                              static_cast<unsigned>(protocols->size())) != 0) {
    return TlsFault{"", tls_reason()};
  }
  if (options.certificate) {
    if (auto used = use_pair(ssl, files, *options.certificate); !used) return used.error();
    built->expiries_.push_back(
        {options.certificate->certificate, expiry_of(SSL_CTX_get0_certificate(ssl))});
  }
  if (options.verify == TlsVerify::peer) {
    if (auto trusted = built->trust(options, files); !trusted) return trusted.error();
  }
  return std::shared_ptr<const TlsClientContext>(std::move(built));
}

Result<void, TlsFault> TlsClientContext::trust(const TlsClientOptions& options,
                                               const TlsFiles& files) {
  SSL_CTX* ssl = context_.get();
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  if (options.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(ssl) != 1) return TlsFault{"", tls_reason()};
    return {};
  }
  auto authorities = read_authorities(files, options.ca_file);
  if (!authorities) return authorities.error();
  SSL_CTX_set1_verify_cert_store(ssl, authorities->store.get());
  for (TlsExpiry& expiry : authorities->expiries) expiries_.push_back(std::move(expiry));
  return {};
}

Result<void> TlsClientContext::expect_name(SSL* ssl, std::string_view name) const {
  const Error bad{Code::bad_value, Side::gateway, Progress::unsent, "no host name for TLS"};
  std::string text = lower_host_name(name);
  if (text.empty() || text.size() > kHostNameBytesMax || text.find('\0') != text.npos) return bad;
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
