// Which sessions resume where: net/ticket_keys.h and the session id context of tls_server_context.h.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "net/shared_tls.h"
#include "unit/net/certificates.h"
#include "unit/net/memory_handshake.h"

namespace sluice::net {
namespace {

using std::chrono::hours;

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class Tickets : public ::testing::TestWithParam<int> {
 public:
  Tickets() {
    ca = made.make("ca", {.common_name = "ca", .authority = true});
    a = made.make("a", {.alternatives = "DNS:a.example"}, &ca);
    b = made.make("b", {.alternatives = "DNS:b.example"}, &ca);
    person = made.make("person", {.common_name = "person"}, &ca);
    options = {.name = "site", .certificates = {a, b}, .tickets = keys};
    client.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(client.get(), GetParam());
  }
  std::shared_ptr<const TlsServerContext> load(const TlsServerOptions& from) {
    auto context = TlsServerContext::load(from);
    CHECK(context);
    return *context;
  }
  /// A session made with `from` (and the client's certificate, when it has one).
  SessionPtr session_of(const TlsServerOptions& from, const char* name = "a.example") {
    auto context = load(from);
    MemoryHandshake hands(context->ssl(), client.get(), name);
    EXPECT_TRUE(hands.done() && !hands.resumed());
    return hands.session();
  }
  void show_certificate() {
    SSL_CTX_use_certificate_file(client.get(), person.certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(client.get(), person.key.c_str(), SSL_FILETYPE_PEM);
  }
  bool resumes(const TlsServerOptions& where, SSL_SESSION* session, const char* name = "a.example") {
    auto context = load(where);
    MemoryHandshake hands(context->ssl(), client.get(), name, session);
    EXPECT_TRUE(hands.done());
    return hands.resumed();
  }

  Certificates made;
  CertificateFiles ca, a, b, person;
  std::shared_ptr<SharedTicketKeys> keys = std::make_shared<SharedTicketKeys>();
  TlsServerOptions options;
  SslContextPtr client;
};
INSTANTIATE_TEST_SUITE_P(, Tickets, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& param) { return param.index == 0 ? "tls12" : "tls13"; });

TEST_P(Tickets, resume_in_a_context_that_was_built_anew) {
  SessionPtr session = session_of(options);
  EXPECT_TRUE(resumes(options, session.get()));
  made.make("a", {.alternatives = "DNS:a.example"}, &ca);   // renewed: the same file
  EXPECT_TRUE(resumes(options, session.get()));
}

TEST_P(Tickets, resume_until_their_key_is_gone) {
  TimePoint now{hours(1)};
  keys->rotate(now);
  SessionPtr session = session_of(options);
  EXPECT_FALSE(keys->rotate(now += SharedTicketKeys::kRotateEvery - hours(1)));
  for (size_t i = 1; i < SharedTicketKeys::kKept; ++i) {
    EXPECT_TRUE(keys->rotate(now += SharedTicketKeys::kRotateEvery));
    EXPECT_TRUE(resumes(options, session.get()));
  }
  EXPECT_TRUE(keys->rotate(now += SharedTicketKeys::kRotateEvery));
  EXPECT_FALSE(resumes(options, session.get()));
}

TEST_P(Tickets, do_not_resume_with_keys_of_another_table) {
  SessionPtr session = session_of(options);
  options.tickets = std::make_shared<SharedTicketKeys>();
  EXPECT_FALSE(resumes(options, session.get()));
}

// The keys are the same: what keeps them apart is the session id context (CVE-2025-23419).
TEST_P(Tickets, do_not_resume_under_another_name_or_certificate) {
  SessionPtr session = session_of(options);
  TlsServerOptions other = options;
  other.name = "other";
  EXPECT_FALSE(resumes(other, session.get()));
  EXPECT_FALSE(resumes(options, session.get(), "b.example"));
  EXPECT_TRUE(resumes(options, session.get(), "unknown.example"));   // the same certificate
}

TEST_P(Tickets, without_a_certificate_do_not_resume_where_one_is_asked_for) {
  SessionPtr session = session_of(options);
  options.client_check = TlsClientCheck{.ca = ca.certificate};
  auto context = load(options);
  MemoryHandshake hands(context->ssl(), client.get(), "a.example", session.get());
  EXPECT_FALSE(hands.done());
  options.client_check->mode = TlsClientCheck::Mode::optional;
  EXPECT_FALSE(resumes(options, session.get()));
}

TEST_P(Tickets, with_a_certificate_resume_until_the_rules_change) {
  show_certificate();
  options.client_check =
      TlsClientCheck{.ca = ca.certificate, .crl = made.revoke("list", ca, {})};
  SessionPtr session = session_of(options);
  {
    auto context = load(options);
    MemoryHandshake hands(context->ssl(), client.get(), "a.example", session.get());
    EXPECT_TRUE(hands.resumed());
    X509* peer = SSL_get0_peer_certificate(hands.server());
    ASSERT_NE(peer, nullptr) << "the session remembers who it was";
    EXPECT_EQ(describe_certificate(peer, "ids")->subject, "CN=person");
  }
  TlsServerOptions lax = options;
  lax.client_check->mode = TlsClientCheck::Mode::optional;
  EXPECT_FALSE(resumes(lax, session.get()));
  made.revoke("list", ca, {person});
  auto context = load(options);
  MemoryHandshake hands(context->ssl(), client.get(), "a.example", session.get());
  EXPECT_FALSE(hands.done()) << "revoked since";
}

TEST_P(Tickets, know_the_authorities_of_the_clients_certificate) {
  CertificateFiles middle = made.make("middle", {.common_name = "middle", .authority = true}, &ca);
  person = made.make("deep", {.common_name = "deep"}, &middle);
  std::string chain = made.write("chain.pem", text_of_file(person.certificate) + text_of_file(middle.certificate));
  SSL_CTX_use_certificate_chain_file(client.get(), chain.c_str());
  SSL_CTX_use_PrivateKey_file(client.get(), person.key.c_str(), SSL_FILETYPE_PEM);
  auto with_list = [&](const std::vector<CertificateFiles>& revoked) {
    std::string list = made.revoke("of_ca", ca, revoked);
    std::string both = text_of_file(list) + text_of_file(made.revoke("of_middle", middle, {}));
    options.client_check = TlsClientCheck{.ca = ca.certificate, .crl = made.write("both.crl", both)};
    return load(options);
  };
  auto context = with_list({});
  MemoryHandshake whole(context->ssl(), client.get());
  ASSERT_TRUE(whole.done());
  std::string ids = TlsServerContext::client_ids(whole.server());
  EXPECT_EQ(ids.size(), 3 * crypto::kCertificateIdBytes);
  SessionPtr session = whole.session();
  for (int i = 0; i < 3; ++i) {   // each with the ticket of the one before
    MemoryHandshake again(context->ssl(), client.get(), "a.example", session.get());
    ASSERT_TRUE(again.resumed());
    EXPECT_EQ(TlsServerContext::client_ids(again.server()), ids);
    session = again.session();
  }
  auto revoked = with_list({middle})->revoked();
  EXPECT_FALSE(crypto::revokes({context->revoked()}, ids));
  EXPECT_TRUE(crypto::revokes({revoked}, ids));
  EXPECT_FALSE(revoked->contains(ids.substr(0, crypto::kCertificateIdBytes)));
}

TEST_P(Tickets, do_not_outlive_the_clients_certificate) {
  person = made.make("brief", {.common_name = "brief", .seconds = 2}, &ca);
  show_certificate();
  options.client_check = TlsClientCheck{.ca = ca.certificate};
  SessionPtr session = session_of(options);
  auto context = load(options);
  EXPECT_TRUE(resumes(options, session.get()));
  ::sleep(3);   // OpenSSL reads the system's clock
  MemoryHandshake hands(context->ssl(), client.get(), "a.example", session.get());
  EXPECT_FALSE(hands.done());
}

TEST(TlsClientCheck, refuses_all_but_good_certificates) {
  Certificates made;
  CertificateFiles ca = made.make("ca", {.common_name = "ca", .authority = true});
  CertificateFiles stranger = made.make("stranger", {.common_name = "ca", .authority = true});
  CertificateFiles good = made.make(
      "good",
      {.common_name = "good", .alternatives = "DNS:x.example,URI:spiffe://a/b,email:m@x.example"},
      &ca);
  CertificateFiles revoked = made.make("revoked", {}, &ca);
  CertificateFiles expired = made.make("expired", {.days = -1}, &ca);
  CertificateFiles foreign = made.make("foreign", {}, &stranger);
  CertificateFiles middle =
      made.make("middle", {.common_name = "middle", .authority = true}, &ca);
  CertificateFiles below = made.make("below", {}, &middle);
  std::string list = made.revoke("list", ca, {revoked});
  std::string stale = made.revoke("stale", ca, {}, -1);
  using Mode = TlsClientCheck::Mode;
  struct Row {
    const char* what;
    const CertificateFiles* shown;
    TlsClientCheck check;
    bool taken;
  };
  const Row rows[] = {
      {"good", &good, {ca.certificate}, true},
      {"good, optional", &good, {ca.certificate, "", Mode::optional}, true},
      {"good, with a list", &good, {ca.certificate, list}, true},
      {"none", nullptr, {ca.certificate}, false},
      {"none, optional", nullptr, {ca.certificate, "", Mode::optional}, true},
      {"foreign", &foreign, {ca.certificate}, false},
      {"foreign, optional", &foreign, {ca.certificate, "", Mode::optional}, false},
      {"expired", &expired, {ca.certificate}, false},
      {"expired, optional", &expired, {ca.certificate, "", Mode::optional}, false},
      {"revoked", &revoked, {ca.certificate, list}, false},
      {"revoked, without a list", &revoked, {ca.certificate}, true},
      {"a list out of date", &good, {ca.certificate, stale}, false},
      {"an authority between, not sent", &below, {ca.certificate}, false},
      {"an authority between, trusted by itself", &below, {middle.certificate}, true},
      {"an authority without a list", &below, {middle.certificate, list}, false},
  };
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Row& row : rows) {
      auto server = TlsServerContext::load(
          {.certificates = {good}, .client_check = row.check});
      ASSERT_TRUE(server) << server.error().file << server.error().reason;
      SslContextPtr client(SSL_CTX_new(TLS_client_method()));
      SSL_CTX_set_max_proto_version(client.get(), version);
      if (row.shown) {
        SSL_CTX_use_certificate_file(client.get(), row.shown->certificate.c_str(),
                                     SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(client.get(), row.shown->key.c_str(), SSL_FILETYPE_PEM);
      }
      MemoryHandshake hands((*server)->ssl(), client.get());
      EXPECT_EQ(hands.done(), row.taken) << row.what << " " << version;
      X509* peer = SSL_get0_peer_certificate(hands.server());
      if (row.taken) {
        EXPECT_EQ(peer != nullptr, row.shown != nullptr) << row.what;
      }
      if (row.shown != &good || !row.taken) continue;
      auto said = describe_certificate(peer, "");
      EXPECT_EQ(said->subject, "CN=good");
      EXPECT_EQ(said->dns_names, std::vector<std::string>{"x.example"});
      EXPECT_EQ(said->uris, std::vector<std::string>{"spiffe://a/b"});
      EXPECT_EQ(said->emails, std::vector<std::string>{"m@x.example"});
      EXPECT_EQ(said->sha256.size(), 64u);
      auto left = said->expires.time_since_epoch() - std::chrono::system_clock::now().time_since_epoch();
      EXPECT_LT(std::chrono::abs(left - std::chrono::days(30)), std::chrono::hours(1));
    }
  }
}

/// Whom a table's list revokes, of certificates that are shown to a table of that name.
bool revoked(const TlsServerContext& context, const CertificateFiles& files, const std::string& table = "site") {
  SslContextPtr holder(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_use_certificate_file(holder.get(), files.certificate.c_str(), SSL_FILETYPE_PEM);
  STACK_OF(X509)* chain = sk_X509_new_null();
  sk_X509_push(chain, SSL_CTX_get0_certificate(holder.get()));
  std::string ids = ids_of_chain(chain, table);
  sk_X509_free(chain);
  return context.revoked()->contains(ids);
}

TEST(TlsClientCheck, says_whom_its_lists_revoke) {
  Certificates made;
  CertificateFiles ca = made.make("ca", {.common_name = "Ca", .authority = true});
  CertificateFiles other_ca = made.make("other-ca", {.common_name = "Other", .authority = true});
  CertificateFiles one = made.make("one", {.common_name = "one"}, &ca);
  CertificateFiles two = made.make("two", {.common_name = "two"}, &ca);
  CertificateFiles last = made.make("last", {.common_name = "last"}, &other_ca);
  auto load = [&](const std::string& lists) {
    std::string ours = made.write("ours.pem", text_of_file(ca.certificate) + text_of_file(other_ca.certificate));
    TlsClientCheck check{.ca = ours, .crl = lists};
    auto context = TlsServerContext::load({.name = "site", .certificates = {one}, .client_check = check});
    EXPECT_TRUE(context) << context.error().reason;
    return *context;
  };
  auto none = load(made.revoke("none", ca, {}));
  EXPECT_EQ(none->revoked()->size(), 0U);
  EXPECT_FALSE(revoked(*none, one));
  std::string both = text_of_file(made.revoke("first", ca, {one, one})) + text_of_file(made.revoke("second", other_ca, {two, last}));
  auto some = load(made.write("both.crl", both));
  EXPECT_EQ(some->revoked()->size(), 3U);
  EXPECT_TRUE(revoked(*some, one));
  EXPECT_FALSE(revoked(*some, two));     // its number is another authority's
  EXPECT_TRUE(revoked(*some, last));
  EXPECT_FALSE(revoked(*some, one, "other"));   // for which this list says nothing
  auto unchecked = TlsServerContext::load({.certificates = {one}, .client_check = TlsClientCheck{.ca = ca.certificate}});
  EXPECT_EQ((*unchecked)->revoked(), nullptr);
}

TEST(TlsClientCheck, passes_over_lists_that_a_handshake_passes_over) {
  Certificates made;
  CertificateFiles ca = made.make("ca", {.common_name = "Ca", .authority = true});
  CertificateFiles one = made.make("one", {.common_name = "one"}, &ca);
  struct Row {
    std::string name, value;   // of an extension, in OpenSSL's words
    size_t size;
  };
  const Row rows[] = {
      {"deltaCRL", "DER:020101", 0},
      {"issuingDistributionPoint", "critical,indirectCRL:TRUE", 0},
      {"issuingDistributionPoint", "critical,onlysomereasons:keyCompromise", 0},
      {"issuingDistributionPoint", "critical,onlyuser:TRUE", 1},
      {"crlNumber", "DER:020107", 1},
  };
  for (const Row& row : rows) {
    std::string list = made.revoke("list", ca, {one}, 30, {{row.name, row.value}});
    TlsClientCheck check{.ca = ca.certificate, .crl = list};
    auto context = TlsServerContext::load({.certificates = {one}, .client_check = check});
    ASSERT_TRUE(context) << context.error().reason;
    EXPECT_EQ((*context)->revoked()->size(), row.size) << row.name << " " << row.value;
  }
}

TEST(TlsClientCheck, names_bad_files) {
  Certificates made;
  CertificateFiles ca = made.make("ca", {.authority = true});
  std::string text = made.write("text.pem", "nothing\n");
  struct Row {
    TlsClientCheck check;
    std::string file;
  };
  for (const Row& row : {Row{{text}, text}, Row{{ca.certificate, text}, text},
                         Row{{ca.certificate, ca.certificate}, ca.certificate},
                         Row{{made.path("absent")}, made.path("absent")}}) {
    auto context = TlsServerContext::load({.certificates = {ca}, .client_check = row.check});
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().file, row.file);
    EXPECT_NE(context.error().reason, "");
  }
}

TEST(SharedTls, replaces_good_contents_and_keeps_what_it_has_over_bad_ones) {
  Certificates made;
  CertificateFiles one = made.make("one", {});
  CertificateFiles other = made.make("other", {});
  auto shared = SharedServerTls::load("tls.site", {.certificates = {one}});
  ASSERT_TRUE(shared);
  SharedServerTls& tls = **shared;
  auto before = tls.current();
  auto replace = [&] {
    auto files = TlsFiles::read(tls.files());
    CHECK(files);
    return tls.replace(*files, std::time(nullptr));
  };
  std::filesystem::copy_file(other.key, one.key,
                             std::filesystem::copy_options::overwrite_existing);
  auto mismatch = replace();
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().file, one.key);
  EXPECT_EQ(tls.current(), before);
  EXPECT_EQ(tls.generation(), 0u);
  made.make("one", {.days = -1});
  auto expired = replace();
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().reason, "has expired, and what is in force has not");
  made.make("one", {.days = 3});
  uint64_t fingerprint = tls.fingerprint();
  EXPECT_TRUE(replace());
  EXPECT_NE(tls.fingerprint(), fingerprint);
  EXPECT_NE(tls.current(), before);
  EXPECT_EQ(tls.generation(), 1u);
  EXPECT_NEAR(static_cast<double>(tls.expiries().at(0).at),
              static_cast<double>(std::time(nullptr) + 3 * 86'400), 60);
}

TEST(TlsFiles, refuses_what_is_no_file_of_reasonable_size) {
  Certificates made;
  std::string folder = made.path("");
  std::string large = made.write("large", "");
  std::filesystem::resize_file(large, TlsFiles::kFileBytesMax + 1);
  std::string pipe = made.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {folder, large, pipe, made.path("absent")}) {
    auto files = TlsFiles::read({path});
    ASSERT_FALSE(files) << path;
    EXPECT_EQ(files.error().file, path);
  }
}

}  // namespace
}  // namespace sluice::net
