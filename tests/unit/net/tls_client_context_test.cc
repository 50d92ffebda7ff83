#include "net/tls_client_context.h"

#include <gtest/gtest.h>

#include "unit/net/certificates.h"

namespace sluice::net {
namespace {

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
