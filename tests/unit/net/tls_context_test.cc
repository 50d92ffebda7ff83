#include "net/tls_context.h"

#include <gtest/gtest.h>

#include "unit/net/certificates.h"

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
      {{garbage, good.key}, garbage, "no start line"},
      {{good.certificate, garbage}, garbage, ""},
      {{good.certificate, locked}, locked, ""},
      {{good.certificate, other.key}, other.key, "key values mismatch"},
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

TEST(TlsServerContext, sends_no_tickets_and_keeps_no_sessions) {
  Certificates made;
  auto context = TlsServerContext::load({.certificates = {made.make("one", {})}});
  ASSERT_TRUE(context);
  SSL_CTX* ssl = (*context)->ssl();
  EXPECT_TRUE(SSL_CTX_get_options(ssl) & SSL_OP_NO_TICKET);
  EXPECT_EQ(SSL_CTX_get_num_tickets(ssl), 0u);
  EXPECT_EQ(SSL_CTX_get_session_cache_mode(ssl), SSL_SESS_CACHE_OFF);
  EXPECT_EQ(SSL_CTX_get_min_proto_version(ssl), TLS1_2_VERSION);
  EXPECT_TRUE(SSL_CTX_get_mode(ssl) & SSL_MODE_RELEASE_BUFFERS);
  EXPECT_EQ(SSL_CTX_get_max_early_data(ssl), 0u);
}

TEST(TlsClientContext, verifies_unless_told_otherwise_and_names_a_bad_ca_file) {
  Certificates made;
  auto system = TlsClientContext::load({});
  ASSERT_TRUE(system) << system.error().reason;
  EXPECT_EQ(SSL_CTX_get_verify_mode((*system)->ssl()), SSL_VERIFY_PEER);
  auto careless = TlsClientContext::load({.verify = TlsVerify::none});
  ASSERT_TRUE(careless);
  EXPECT_EQ(SSL_CTX_get_verify_mode((*careless)->ssl()), SSL_VERIFY_NONE);
  for (const std::string& file : {made.path("absent.pem"), made.write("bad.pem", "text\n")}) {
    auto bad = TlsClientContext::load({.ca_file = file});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().file, file);
    EXPECT_NE(bad.error().reason, "");
  }
}

TEST(TlsClientContext, refuses_a_server_name_that_is_none) {
  auto context = TlsClientContext::load({});
  ASSERT_TRUE(context);
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new((*context)->ssl()), &SSL_free);
  for (std::string_view name : {std::string_view{""}, std::string_view{"a\0b", 3}}) {
    EXPECT_FALSE((*context)->expect_name(ssl.get(), name));
  }
  EXPECT_FALSE((*context)->expect_name(ssl.get(), std::string(256, 'a')));
  EXPECT_TRUE((*context)->expect_name(ssl.get(), "API.example.com."));
  EXPECT_STREQ(SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name), "api.example.com");
}

TEST(TlsClientContext, sends_no_server_name_for_an_address) {
  auto context = TlsClientContext::load({});
  ASSERT_TRUE(context);
  for (const char* address : {"127.0.0.1", "::1"}) {
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new((*context)->ssl()), &SSL_free);
    EXPECT_TRUE((*context)->expect_name(ssl.get(), address));
    EXPECT_EQ(SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name), nullptr);
  }
}

}  // namespace
}  // namespace sluice::net
