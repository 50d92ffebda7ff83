#include "net/tls_server_context.h"

#include <gtest/gtest.h>

#include "unit/net/certificates.h"
#include "unit/net/memory_handshake.h"

namespace sluice::net {
namespace {

/// The common name of the certificate that a name gets.
std::string chosen(const TlsServerContext& context, std::string_view name) {
  char text[100] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_CTX_get0_certificate(context.choose(name))),
                            NID_commonName, text, sizeof(text));
  return text;
}

TEST(TlsServerContext, chooses_by_exact_name_then_wildcard_then_the_first) {
  Certificates made;
  TlsServerOptions options;
  options.certificates = {
      made.make("first", {.common_name = "first.example"}),
      made.make("wild",
                {.common_name = "wild", .alternatives = "DNS:*.Example.com,DNS:example.org"}),
      made.make("exact",
                {.common_name = "exact", .alternatives = "DNS:api.example.com,IP:10.0.0.1"}),
      made.make("second", {.common_name = "second", .alternatives = "DNS:api.example.com"}),
  };
  auto context = TlsServerContext::load(options);
  ASSERT_TRUE(context) << context.error().reason;
  for (auto [name, certificate] : std::initializer_list<std::pair<const char*, const char*>>{
           {"api.example.com", "exact"},
           {"www.example.com", "wild"},
           {"a.b.example.com", "first.example"},
           {"example.com", "first.example"},
           {"example.org", "wild"},
           {"first.example", "first.example"},
           {"", "first.example"},
           {".example.com", "first.example"},
           {"wild", "first.example"},
           {"10.0.0.1", "first.example"}}) {
    EXPECT_EQ(chosen(**context, name), certificate) << name;
  }
}

TEST(TlsServerContext, names_the_file_and_the_reason_of_a_fault) {
  Certificates made;
  CertificateFiles good = made.make("good", {});
  CertificateFiles other = made.make("other", {});
  std::string garbage = made.write("garbage.pem", "no certificate at all\n");
  std::string locked =
      made.write("locked.key",
                 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                 "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjXwYQJ9vH9VwICCAAw\n"
                 "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJ1Y\n-----END ENCRYPTED PRIVATE KEY-----\n");
  struct Row {
    CertificateFiles files;
    std::string file, reason;
  };
  const Row rows[] = {
      {{made.path("absent.pem"), good.key}, made.path("absent.pem"), "No such file or directory"},
      {{good.certificate, made.path("absent.key")},
       made.path("absent.key"),
       "No such file or directory"},
      {{garbage, good.key}, garbage, "nothing of that kind in PEM (no start line)"},
      {{good.certificate, garbage}, garbage, ""},
      {{good.certificate, locked}, locked, ""},
      {{good.certificate, other.key}, other.key, "the key belongs to another certificate (key values mismatch)"},
  };
  for (const Row& row : rows) {
    auto context = TlsServerContext::load({.certificates = {row.files}});
    ASSERT_FALSE(context) << row.file;
    EXPECT_EQ(context.error().file, row.file);
    if (!row.reason.empty()) {
      EXPECT_EQ(context.error().reason, row.reason) << row.file;
    }
    EXPECT_NE(context.error().reason, "") << row.file;
  }
  EXPECT_FALSE(TlsServerContext::load({}));
  EXPECT_FALSE(TlsServerContext::load({.certificates = {good}, .protocols = {""}}));
}

TEST(TlsServerContext, without_keys_sends_no_tickets) {
  Certificates made;
  auto context = TlsServerContext::load({.certificates = {made.make("one", {})}});
  ASSERT_TRUE(context);
  SSL_CTX* ssl = (*context)->ssl();
  EXPECT_TRUE(SSL_CTX_get_options(ssl) & SSL_OP_NO_TICKET);
  EXPECT_EQ(SSL_CTX_get_num_tickets(ssl), 0u);
  EXPECT_EQ(SSL_CTX_get_session_cache_mode(ssl), SSL_SESS_CACHE_OFF);
  EXPECT_TRUE(SSL_CTX_get_mode(ssl) & SSL_MODE_RELEASE_BUFFERS);
  EXPECT_EQ(SSL_CTX_get_max_early_data(ssl), 0u);
}

TEST(TlsServerContext, profiles_are_those_of_mozilla) {
  Certificates made;
  struct Row {
    TlsProfile profile;
    int version_min;
  };
  for (auto [profile, version] : {Row{TlsProfile::intermediate, TLS1_2_VERSION},
                                  Row{TlsProfile::modern, TLS1_3_VERSION}}) {
    auto context =
        TlsServerContext::load({.certificates = {made.make("one", {})}, .profile = profile});
    ASSERT_TRUE(context);
    SSL_CTX* ssl = (*context)->ssl();
    EXPECT_EQ(SSL_CTX_get_min_proto_version(ssl), version);
    EXPECT_EQ(SSL_CTX_get_max_proto_version(ssl), 0) << "the highest there is";
    std::string names;
    STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
      names += std::string(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i))) + "\n";
    }
    EXPECT_EQ(names,
              "TLS_AES_128_GCM_SHA256\nTLS_AES_256_GCM_SHA384\nTLS_CHACHA20_POLY1305_SHA256\n"
              "ECDHE-ECDSA-AES128-GCM-SHA256\nECDHE-RSA-AES128-GCM-SHA256\n"
              "ECDHE-ECDSA-AES256-GCM-SHA384\nECDHE-RSA-AES256-GCM-SHA384\n"
              "ECDHE-ECDSA-CHACHA20-POLY1305\nECDHE-RSA-CHACHA20-POLY1305\n");
  }
}

TEST(TlsServerContext, chooses_cipher_and_group_itself) {
  struct Row {
    const char *ciphers12, *ciphers13, *groups;   // of the client, by its preference
    int version_max;
    const char* cipher;                           // "": refused
    int group;
  };
  constexpr const char* kAes256Last12 = "ECDHE-ECDSA-AES128-GCM-SHA256";
  constexpr const char* kAll13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                                 "TLS_AES_128_GCM_SHA256";
  const Row rows[] = {
      {"DEFAULT", kAll13, "P-256:X25519", TLS1_2_VERSION, kAes256Last12, NID_X25519},
      {"DEFAULT", kAll13, "X25519:P-256", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", NID_X25519},
      {"DEFAULT", "TLS_CHACHA20_POLY1305_SHA256", "P-384", TLS1_3_VERSION,
       "TLS_CHACHA20_POLY1305_SHA256", NID_secp384r1},
      {"DEFAULT", kAll13, "P-521", TLS1_3_VERSION, "", 0},
      {"ECDHE-ECDSA-CHACHA20-POLY1305", kAll13, "P-256", TLS1_2_VERSION,
       "ECDHE-ECDSA-CHACHA20-POLY1305", NID_X9_62_prime256v1},
      {"ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256", kAll13, "P-256",
       TLS1_2_VERSION, "", 0},
  };
  Certificates made;
  auto server = TlsServerContext::load({.certificates = {made.make("a", {})}});
  ASSERT_TRUE(server);
  for (const Row& row : rows) {
    SslContextPtr client(SSL_CTX_new(TLS_client_method()));
    ASSERT_EQ(SSL_CTX_set_cipher_list(client.get(), row.ciphers12), 1);
    ASSERT_EQ(SSL_CTX_set_ciphersuites(client.get(), row.ciphers13), 1);
    ASSERT_EQ(SSL_CTX_set1_groups_list(client.get(), row.groups), 1);
    SSL_CTX_set_max_proto_version(client.get(), row.version_max);
    MemoryHandshake hands((*server)->ssl(), client.get());
    ASSERT_EQ(hands.done(), row.cipher[0] != '\0') << row.ciphers12 << row.groups;
    if (!hands.done()) continue;
    EXPECT_EQ(hands.cipher(), row.cipher);
    EXPECT_EQ(SSL_get_shared_group(hands.server(), 0), row.group) << row.groups;
  }
}

}  // namespace
}  // namespace sluice::net
