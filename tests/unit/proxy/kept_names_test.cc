#include "proxy/kept_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::proxy {
namespace {

using Credentials = std::vector<std::array<std::string, 4>>;   // authenticator, name, subject, handle

Credentials credentials_of(const KeptNames& names) {
  Credentials out;
  names.each_credential([&](std::string_view by, const policy::AcceptedCredential& one) {
    EXPECT_TRUE(one.token.empty());
    out.push_back({std::string(by), std::string(one.name), std::string(one.subject), std::string(one.handle)});
  });
  return out;
}

/// Of a request with the credentials of these identities.
struct Request {
  explicit Request(Credentials some) : credentials(std::move(some)), identities(credentials.size()) {
    for (size_t i = 0; i < credentials.size(); ++i) {
      policy::Identity& one = identities[i];
      one.authenticator = credentials[i][0];
      one.credential = credentials[i][1];
      one.subject = credentials[i][2];
      one.handle = credentials[i][3];
      if (i > 0) identities[i - 1].beside = &one;
    }
    if (identities.empty()) return;
    audit.authenticator = identities[0].authenticator;
    audit.credential = identities[0].credential;
    audit.subject = identities[0].subject;
  }
  KeptNames keep() const { return {access, audit, identities.empty() ? nullptr : &identities[0]}; }

  Credentials credentials;   // the identities are views of them
  std::vector<policy::Identity> identities;
  observe::AccessRecord access;
  observe::AuditRecord audit;
};

TEST(KeptNames, tell_what_the_logs_say) {
  Request request({{"keys", "k1", "alice", ""}});
  request.access.path = "/live";
  request.access.listener = "public";
  request.access.authority = "api.example";
  request.access.request_id = "id";
  request.access.client_ip = *IpAddress::parse("2001:db8::1");
  request.audit.consumer = "acme";
  request.audit.auth_method = "api_key";
  KeptNames names = request.keep();
  observe::AccessRecord access;
  observe::AuditRecord audit;
  names.tell(access, audit);
  EXPECT_EQ(access.path, "/live");
  EXPECT_EQ(access.listener, "public");
  EXPECT_EQ(access.authority, "api.example");
  EXPECT_EQ(access.request_id, "id");
  EXPECT_EQ(access.client_ip.to_string(), "2001:db8::1");
  EXPECT_EQ(audit.consumer, "acme");
  EXPECT_EQ(audit.auth_method, "api_key");
  EXPECT_EQ(audit.authenticator, "keys");
  EXPECT_EQ(audit.credential, "k1");
  EXPECT_EQ(audit.subject, "alice");
}

TEST(KeptNames, give_every_credential_again) {
  std::string bytes("\0\xff", 2);
  for (const Credentials& credentials :
       {Credentials{}, Credentials{{"keys", "k1", "alice", ""}}, Credentials{{"keys", "", "", ""}, {"tokens", "t1", "", bytes}},
        Credentials{{"a", "1", "x", bytes}, {"b", "", "", ""}, {"c", std::string(300, 'c'), std::string(65'535, 's'), "h"}}}) {
    EXPECT_EQ(credentials_of(Request(credentials).keep()), credentials) << credentials.size();
  }
}

TEST(KeptNames, long_texts_are_cut_and_harm_no_others) {
  std::string longer(70'000, 'x');
  Credentials out = credentials_of(Request({{"a", longer, longer, "handle"}, {"b", longer, "s", "h"}, {"c", "n", "", ""}}).keep());
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0], (std::array<std::string, 4>{"a", longer.substr(0, 65'535), longer.substr(0, 65'535), "handle"}));
  EXPECT_EQ(out[1], (std::array<std::string, 4>{"b", longer.substr(0, 65'535), "s", "h"}));
  EXPECT_EQ(out[2], (std::array<std::string, 4>{"c", "n", "", ""}));
}

TEST(KeptNames, of_nothing_are_none) {
  KeptNames names;
  observe::AccessRecord access;
  observe::AuditRecord audit;
  names.tell(access, audit);
  EXPECT_TRUE(access.path.empty());
  EXPECT_TRUE(credentials_of(names).empty());
}

}  // namespace
}  // namespace sluice::proxy
