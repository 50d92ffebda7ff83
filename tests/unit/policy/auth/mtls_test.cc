#include "policy/auth/mtls.h"

#include "policy/auth/problems.h"
#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

using Kind = CertificateName::Kind;

config::Sections<ConsumerConfig> consumers() {
  config::Sections<ConsumerConfig> out(3);
  out[0].name = "acme";
  out[0].value.certificates = {{Kind::dns, {"acme.example", {}}}, {Kind::subject, {"CN=acme", {}}}};
  out[0].value.scopes = {"orders:read"};
  out[1].name = "bank";
  out[1].value.certificates = {{Kind::uri, {"spiffe://bank/a", {}}}, {Kind::sha256, {std::string(64, 'a'), {}}}};
  out[2].name = "far";
  out[2].value.certificates = {{Kind::email, {"ops@far.example", {}}}};
  out[2].value.allow_ips = {{{"", *Cidr::parse("203.0.113.0/24")}, {}}};
  return out;
}

using Lists = crypto::RevocationLists;

std::shared_ptr<Live<Lists>> lists() { return std::make_shared<Live<Lists>>(std::make_shared<const Lists>()); }

std::shared_ptr<const crypto::RevokedCertificates> list_of(std::vector<crypto::CertificateId> ids) {
  return std::make_shared<const crypto::RevokedCertificates>(std::move(ids));
}

TEST(Mtls, the_most_telling_name_decides_whose_a_certificate_is) {
  MtlsAuthenticator authenticator("partners", std::make_shared<CertificateTable>(consumers(), IpLists()), lists());
  struct Case {
    crypto::ClientCertificate certificate;
    std::string_view consumer;   // empty: refused
    const http::Problem* problem;
  };
  const std::string kDigest(64, 'b');
  const Case kCases[] = {
      {{"CN=acme", {}, {}, {}, kDigest}, "acme", nullptr},
      {{"CN=x", {"other.example", "acme.example"}, {}, {}, kDigest}, "acme", nullptr},
      {{"CN=acme", {"acme.example"}, {"spiffe://bank/a"}, {}, kDigest}, "bank", nullptr},
      {{"CN=acme", {"acme.example"}, {}, {}, std::string(64, 'a')}, "bank", nullptr},
      {{"CN=acme,O=x", {"sub.acme.example"}, {"spiffe://bank/A"}, {}, kDigest}, "", &kCertificateUnknown},
      {{"CN=x", {}, {}, {"ops@far.example"}, kDigest}, "", &kCredentialAddress},
      {{"", {}, {}, {}, ""}, "", &kCertificateUnknown},
  };
  for (const Case& one : kCases) {
    TestCall test("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    test.client.certificate = &one.certificate;
    Authenticator::Outcome outcome = authenticator.authenticate(test.call);
    EXPECT_EQ(outcome.problem, one.problem) << one.certificate.subject;
    ASSERT_EQ(test.call.identity() != nullptr, !one.consumer.empty()) << one.certificate.subject;
    if (one.consumer.empty()) continue;
    EXPECT_EQ(test.call.identity()->consumer, one.consumer);
    EXPECT_EQ(test.call.identity()->credential, one.certificate.sha256);
    EXPECT_EQ(test.call.identity()->method, "mtls");
  }
}

TEST(Mtls, an_expired_certificate_is_nobodys_any_more) {
  MtlsAuthenticator authenticator("partners", std::make_shared<CertificateTable>(consumers(), IpLists()), lists());
  TestCall test("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  WallTime end = test.clock.wall() + std::chrono::seconds(5);
  crypto::ClientCertificate certificate;
  certificate.subject = "CN=acme";
  certificate.expires = end;
  test.client.certificate = &certificate;
  EXPECT_EQ(authenticator.authenticate(test.call).finding, Authenticator::Finding::accepted);
  EXPECT_EQ(test.call.identity()->expires, end);
  test.clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(authenticator.authenticate(test.call).problem, &kCertificateExpired);
}

TEST(Mtls, a_certificate_that_a_list_revokes_is_taken_back_from_what_it_has_opened) {
  auto live = lists();
  MtlsAuthenticator authenticator("partners", std::make_shared<CertificateTable>(consumers(), IpLists()), live);
  TestCall test("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  crypto::ClientCertificate certificate;
  certificate.subject = "CN=acme";
  const crypto::CertificateId kOne{'o', 'n', 'e', '\xff'}, kAuthority{'c', 'a'}, kOther{'t', 'w', 'o'}, kThird{'\x80'};
  certificate.ids.append(crypto::view_of(kOne)).append(crypto::view_of(kAuthority));
  test.client.certificate = &certificate;
  EXPECT_EQ(authenticator.authenticate(test.call).finding, Authenticator::Finding::accepted);
  std::string handle(test.call.identity()->handle);
  AcceptedCredential accepted{"", "acme", handle}, of_nobody{"", "acme", ""};
  uint32_t generation = authenticator.revocation_generation();
  EXPECT_NE(generation, 0U);
  EXPECT_FALSE(authenticator.revoked(accepted));

  live->replace(std::make_shared<const Lists>(Lists{list_of({}), list_of({kThird, kOther})}));
  EXPECT_NE(authenticator.revocation_generation(), generation);
  EXPECT_FALSE(authenticator.revoked(accepted));
  for (const crypto::CertificateId& named : {kOne, kAuthority}) {
    live->replace(std::make_shared<const Lists>(Lists{list_of({kThird, kOther}), list_of({kOther, named, kThird})}));
    EXPECT_TRUE(authenticator.revoked(accepted));
    EXPECT_FALSE(authenticator.revoked(of_nobody));
    EXPECT_EQ(authenticator.authenticate(test.call).problem, &kCertificateRevoked);
  }
  certificate.ids = crypto::view_of(kThird).substr(0, 1);   // no id at all
  EXPECT_EQ(authenticator.authenticate(test.call).finding, Authenticator::Finding::accepted);
}

TEST(Mtls, without_a_certificate_somebody_else_is_asked) {
  MtlsAuthenticator authenticator("partners", std::make_shared<CertificateTable>(consumers(), IpLists()), lists());
  TestCall test("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(authenticator.authenticate(test.call).finding, Authenticator::Finding::absent);
  EXPECT_EQ(authenticator.challenge(test.arena, nullptr), "");
}

}  // namespace
}  // namespace sluice::policy
