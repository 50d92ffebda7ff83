// Certificates made by the test itself: P-256 keys, signed by themselves or by a test authority, as
// PEM files in a folder that goes away with the object.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/tls_server_context.h"

namespace sluice::net {

struct CertificateSpec {
  std::string common_name = "test";
  std::string alternatives{};  // "DNS:a.example,IP:127.0.0.1"; empty: none
  bool authority = false;
  long days = 30;  // negative: expired
  long seconds = 0;   // not 0: instead of days
};

class Certificates {
 public:
  Certificates();
  Certificates(const Certificates&) = delete;
  ~Certificates();

  /// Makes NAME.pem and NAME.key, signed by itself or by `issuer`.
  CertificateFiles make(const std::string& name, const CertificateSpec& spec,
                        const CertificateFiles* issuer = nullptr);
  /// Makes NAME.crl of `issuer`, with these certificates on it; it is valid for `days` from now.
  /// `extensions`: names and values in OpenSSL's words.
  std::string revoke(const std::string& name, const CertificateFiles& issuer,
                     const std::vector<CertificateFiles>& revoked, long days = 30,
                     const std::vector<std::pair<std::string, std::string>>& extensions = {});
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  std::string write(const std::string& file, const std::string& content);

 private:
  std::string folder_;
};

}  // namespace sluice::net
