#include "snapshot/tls_options.h"

namespace sluice::snapshot {
namespace {

net::TlsClientOptions client_options(const upstream::UpstreamTls& tls) {
  net::TlsClientOptions options;
  options.ca_file = tls.ca.path;
  options.verify = tls.verify ? net::TlsVerify::peer : net::TlsVerify::none;
  if (!tls.cert.empty()) options.certificate = net::CertificateFiles{tls.cert.path, tls.key.path};
  return options;
}

}  // namespace

std::string tls_name(const config::Section<TlsConfig>& section) { return "tls." + section.name; }

std::string tls_name(const config::Section<upstream::UpstreamConfig>& section) {
  return "upstream." + section.name;
}

std::string tls_name(const config::Section<RedisConfig>& section) { return "redis." + section.name; }

net::TlsServerOptions tls_options(const config::Section<TlsConfig>& section) {
  net::TlsServerOptions options;
  options.name = section.name;
  options.profile = section.value.profile;
  for (const CertificateConfig& pair : section.value.certificates) {
    options.certificates.push_back({pair.cert.path, pair.key.path});
  }
  if (const auto& clients = section.value.client_cert) {
    options.client_check = net::TlsClientCheck{clients->ca.path, clients->crl.path, clients->mode};
  }
  return options;
}

net::TlsClientOptions tls_options(const config::Section<upstream::UpstreamConfig>& section) {
  net::TlsClientOptions options = client_options(*section.value.tls);
  if (section.value.protocol == upstream::Protocol::h2) options.protocols = {"h2"};
  return options;
}

net::TlsClientOptions tls_options(const config::Section<RedisConfig>& section) {
  net::TlsClientOptions options = client_options(section.value.tls.value_or(upstream::UpstreamTls{}));
  options.protocols.clear();   // Redis has no name in ALPN
  return options;
}

}  // namespace sluice::snapshot
