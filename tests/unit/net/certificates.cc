#include "unit/net/certificates.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/check.h"

namespace sluice::net {
namespace {

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX about;
  X509V3_set_ctx(&about, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &about, id, value.c_str());
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

template <class T, class Read>
T* read_pem(const std::string& path, Read read) {
  FILE* file = std::fopen(path.c_str(), "r");
  CHECK(file != nullptr);
  T* value = read(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  return value;
}

}  // namespace

Certificates::Certificates() {
  folder_ = ::testing::TempDir() + "sluice-certificates-XXXXXX";
  CHECK(mkdtemp(folder_.data()) != nullptr);
}

Certificates::~Certificates() {
  std::filesystem::remove_all(folder_);
}

std::string Certificates::write(const std::string& file, const std::string& content) {
  std::ofstream(path(file)) << content;
  return path(file);
}

CertificateFiles Certificates::make(const std::string& name, const CertificateSpec& spec,
                                    const CertificateFiles* issuer) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400 * 40);
  X509_gmtime_adj(X509_getm_notAfter(certificate), spec.seconds != 0 ? spec.seconds : 86'400 * spec.days);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1,
                             -1, 0);
  X509* signer = issuer ? read_pem<X509>(issuer->certificate, PEM_read_X509) : certificate;
  EVP_PKEY* signing_key = issuer ? read_pem<EVP_PKEY>(issuer->key, PEM_read_PrivateKey) : key;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  if (spec.authority) add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
  if (!spec.alternatives.empty()) {
    add_extension(certificate, signer, NID_subject_alt_name, spec.alternatives);
  }
  CHECK(X509_sign(certificate, signing_key, EVP_sha256()) > 0);
  CertificateFiles files{path(name + ".pem"), path(name + ".key")};
  FILE* out = std::fopen(files.certificate.c_str(), "w");
  PEM_write_X509(out, certificate);
  std::fclose(out);
  out = std::fopen(files.key.c_str(), "w");
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  if (issuer) {
    X509_free(signer);
    EVP_PKEY_free(signing_key);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

std::string Certificates::revoke(const std::string& name, const CertificateFiles& issuer,
                                 const std::vector<CertificateFiles>& revoked, long days,
                                 const std::vector<std::pair<std::string, std::string>>& extensions) {
  X509* authority = read_pem<X509>(issuer.certificate, PEM_read_X509);
  EVP_PKEY* key = read_pem<EVP_PKEY>(issuer.key, PEM_read_PrivateKey);
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(authority));
  ASN1_TIME* when = X509_gmtime_adj(nullptr, -86'400 * 40);
  X509_CRL_set1_lastUpdate(list, when);
  X509_gmtime_adj(when, 86'400 * days);
  X509_CRL_set1_nextUpdate(list, when);
  for (const CertificateFiles& files : revoked) {
    X509* certificate = read_pem<X509>(files.certificate, PEM_read_X509);
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate));
    X509_REVOKED_set_revocationDate(entry, X509_getm_notBefore(certificate));
    X509_CRL_add0_revoked(list, entry);
    X509_free(certificate);
  }
  for (const auto& [name_of, value] : extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, nullptr, name_of.c_str(), value.c_str());
    CHECK(extension != nullptr);
    X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
  }
  CHECK(X509_CRL_sign(list, key, EVP_sha256()) > 0);
  FILE* out = std::fopen(path(name + ".crl").c_str(), "w");
  PEM_write_X509_CRL(out, list);
  std::fclose(out);
  ASN1_TIME_free(when);
  X509_CRL_free(list);
  EVP_PKEY_free(key);
  X509_free(authority);
  return path(name + ".crl");
}

}  // namespace sluice::net
