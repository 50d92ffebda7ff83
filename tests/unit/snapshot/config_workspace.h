// A copy of tests/golden/config in a folder of its own, with the files that are better made than
// kept: certificates, and what exceeds limits.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>

namespace sluice::snapshot {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class ConfigWorkspace {
 public:
  ConfigWorkspace() {
    char name[] = "/tmp/sluice-config-XXXXXX";
    folder_ = ::mkdtemp(name);
    ::chmod(folder_.c_str(), 0755);
    std::filesystem::copy(golden(), folder_, std::filesystem::copy_options::recursive);
    std::filesystem::create_directories(folder_ / "certs");
    make_pair("site", -86'400, 86'400L * 3650);
    make_pair("other", -86'400, 86'400L * 3650);
    make_pair_at("expired", "20200101000000Z", "20200201000000Z");
    make_pair_at("early", "20991231000000Z", "21001231000000Z");
    write_text(folder_ / "certs/torn.pem", read_text(folder_ / "certs/site.pem") +
                                               "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n");
    std::filesystem::copy_file(folder_ / "certs/site.key", folder_ / "certs/denied.key");
    ::chmod((folder_ / "certs/denied.key").c_str(), 0);
    std::filesystem::copy_file(folder_ / "keys/good.jsonl", folder_ / "keys/denied.jsonl");
    ::chmod((folder_ / "keys/denied.jsonl").c_str(), 0);
    write_text(folder_ / "certs/garbled.pem", "-----BEGIN CERTIFICATE-----\nc2x1aWNl\n-----END CERTIFICATE-----\n");
    make_chain();
    make_pipe();
    make_plugins();
    make_large_files();
  }
  ~ConfigWorkspace() { std::filesystem::remove_all(folder_); }
  ConfigWorkspace(const ConfigWorkspace&) = delete;
  ConfigWorkspace& operator=(const ConfigWorkspace&) = delete;

  static std::filesystem::path golden() {
    return std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/golden/config";
  }
  const std::filesystem::path& folder() const { return folder_; }

  /// `text` without this folder, so that it is the same wherever it runs.
  std::string without_folder(std::string text) const {
    std::string prefix = folder_.string() + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    return text;
  }

 private:
  void make_plugins() {
    auto built = std::filesystem::path(SLUICE_BINARY_DIR) / "test-plugins";
    std::filesystem::create_directories(folder_ / "plugins");
    for (const char* name : {"wrong_major", "verdict", "bare"}) {
      std::string file = std::string(name) + ".so";
      std::filesystem::copy_file(built / file, folder_ / "plugins" / file);
      ::chmod((folder_ / "plugins" / file).c_str(), 0755);
    }
    std::filesystem::copy_file(folder_ / "plugins/bare.so", folder_ / "plugins/unsafe.so");
    ::chmod((folder_ / "plugins/unsafe.so").c_str(), 0666);
    std::filesystem::copy_file(folder_ / "plugins/bare.so", folder_ / "plugins/denied.so");
    ::chmod((folder_ / "plugins/denied.so").c_str(), 0);
  }

  void make_large_files() {
    write_text(folder_ / "generated/large.toml", std::string((16 << 20) + 1, '\n'));
    for (int i = 0; i < 1'000; ++i)
      write_text(folder_ / "generated/many" / (std::to_string(i) + ".toml"), "");
    std::string elements = "trusted_proxies = [";
    for (int i = 0; i <= 100'000; ++i) elements += "\"::1\",";
    write_text(folder_ / "generated/elements.toml", elements + "]\n");
    std::string routes;
    for (int i = 0; i <= 256; ++i) {
      std::string name = std::to_string(1000 + i);
      routes += "[route.r" + name + "]\nmatch = { path = \"/\", headers = { X-A = \"" + name +
                "\" } }\nrespond = { status = 200 }\n";
    }
    write_text(folder_ / "generated/routes.toml", routes);
  }

  void make_pair(const std::string& name, long from, long until) {
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until);
    write_pair(name, certificate);
  }

  void make_pair_at(const std::string& name, const char* from, const char* until) {
    X509* certificate = X509_new();
    ASN1_TIME_set_string(X509_getm_notBefore(certificate), from);
    ASN1_TIME_set_string(X509_getm_notAfter(certificate), until);
    write_pair(name, certificate);
  }

  // Somebody's certificate and key.
  struct Holder {
    X509* certificate;
    EVP_PKEY* key;
  };

  // Takes `certificate` and `key`. `issuer`: null for one that signs itself.
  Holder sign(X509* certificate, EVP_PKEY* key, const char* subject, const Holder* issuer = nullptr) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer->certificate : certificate));
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256());
    return {certificate, key};
  }

  void write_pair(const std::string& name, X509* certificate, EVP_PKEY* key = EVP_EC_gen("P-256")) {
    Holder holder = sign(certificate, key, "localhost");
    write_certificates(name, {&holder});
    write_key(name, holder);
    release(holder);
  }

  void write_certificates(const std::string& name, std::initializer_list<const Holder*> holders) {
    std::FILE* file = std::fopen((folder_ / "certs" / (name + ".pem")).c_str(), "w");
    for (const Holder* holder : holders) PEM_write_X509(file, holder->certificate);
    std::fclose(file);
  }

  void write_key(const std::string& name, const Holder& holder) {
    std::FILE* file = std::fopen((folder_ / "certs" / (name + ".key")).c_str(), "w");
    PEM_write_PrivateKey(file, holder.key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }

  static void release(const Holder& holder) {
    EVP_PKEY_free(holder.key);
    X509_free(holder.certificate);
  }

  static X509* new_certificate() {
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * 3650);
    return certificate;
  }

  // A server's certificate with its issuer and the root, in several orders; and one whose key is too small for TLS.
  void make_chain() {
    Holder root = sign(new_certificate(), EVP_EC_gen("P-256"), "root");
    Holder issuer = sign(new_certificate(), EVP_EC_gen("P-256"), "issuer", &root);
    Holder leaf = sign(new_certificate(), EVP_EC_gen("P-256"), "localhost", &issuer);
    write_certificates("whole", {&leaf, &issuer, &root});
    write_certificates("gap", {&leaf, &root});
    write_certificates("reversed", {&issuer, &leaf});
    write_key("leaf", leaf);
    for (const Holder& holder : {root, issuer, leaf}) release(holder);
    write_pair("small", new_certificate(), EVP_RSA_gen(1024));
  }

  void make_pipe() {
    std::filesystem::create_directories(folder_ / "generated");
    ::mkfifo((folder_ / "generated/pipe").c_str(), 0666);
    ::chmod((folder_ / "generated/pipe").c_str(), 0666);
  }

  std::filesystem::path folder_;
};

}  // namespace sluice::snapshot
