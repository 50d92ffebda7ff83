#include "proxy/forwarded.h"

#include "unit/policy/call.h"

namespace sluice::proxy {
namespace {

using policy::TestCall;

TEST(Forwarded, the_client_is_the_rightmost_address_that_is_not_a_trusted_proxy) {
  CidrSet trusted;
  trusted.add(*Cidr::parse("10.0.0.0/8"));
  trusted.add(*Cidr::parse("2001:db8::/32"));
  std::string long_chain = "X-Forwarded-For: 9.9.9.9";
  for (int i = 0; i < 40; ++i) long_chain += ", 10.0.0.1";
  struct Case {
    const char* peer;
    std::string fields;
    const char* client;
  };
  const Case cases[] = {
      {"192.0.2.1", "X-Forwarded-For: 1.1.1.1", "192.0.2.1"},
      {"10.0.0.1", "", "10.0.0.1"},
      {"10.0.0.1", "X-Forwarded-For: 1.1.1.1", "1.1.1.1"},
      {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 1.1.1.1", "1.1.1.1"},
      {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, 10.2.2.2", "1.1.1.1"},
      {"10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 10.2.2.2", "1.1.1.1"},
      {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, unknown, 10.2.2.2", "10.2.2.2"},
      {"10.0.0.1", "X-Forwarded-For: 10.3.3.3, 10.2.2.2", "10.3.3.3"},
      {"10.0.0.1", "X-Forwarded-For: 1.1.1.1:4711", "1.1.1.1"},
      {"10.0.0.1", "X-Forwarded-For: [2001:dead::1]:443, [2001:db8::2]", "2001:dead::1"},
      {"10.0.0.1", "X-Forwarded-For: 1.1.1.1:", "10.0.0.1"},
      {"10.0.0.1", "X-Forwarded-For: [1.1.1.1]", "10.0.0.1"},
      {"10.0.0.1", "X-Forwarded-For: [2001:dead::1]x", "10.0.0.1"},
      {"10.0.0.1", "X-Forwarded-For: [2001:dead::1", "10.0.0.1"},
      {"10.0.0.1", "Forwarded: for=1.1.1.1", "1.1.1.1"},
      {"10.0.0.1", "Forwarded: for=6.6.6.6, For=\"1.1.1.1:80\";proto=http, by=x; for=10.2.2.2", "1.1.1.1"},
      {"10.0.0.1", "Forwarded: for=6.6.6.6\r\nForwarded: for=\"[2001:dead::1]:_x\"", "2001:dead::1"},
      {"10.0.0.1", "Forwarded: for=1.1.1.1, proto=https", "10.0.0.1"},
      {"10.0.0.1", "Forwarded: for=_hidden", "10.0.0.1"},
      {"10.0.0.1", "Forwarded: for=\"1.1.1.1", "10.0.0.1"},
      {"10.0.0.1", "Forwarded: by=\"a;for=6.6.6.6\";for=1.1.1.1", "1.1.1.1"},
      {"10.0.0.1", "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 1.1.1.1", "1.1.1.1"},
      {"192.0.2.1", "Forwarded: for=1.1.1.1", "192.0.2.1"},
      {"2001:db8::1", "X-Forwarded-For: 2001:dead::1", "2001:dead::1"},
      {"10.0.0.1", long_chain, "10.0.0.1"},  // what is farther than anyone looks is not believed
  };
  for (const Case& one : cases) {
    TestCall call("GET / HTTP/1.1\r\nHost: x\r\n" + one.fields +
                  (one.fields.empty() ? "\r\n" : "\r\n\r\n"));
    EXPECT_EQ(forwarded_client(call.head.fields, *IpAddress::parse(one.peer), trusted).ip.to_string(),
              one.client)
        << one.fields;
  }
}

TEST(Forwarded, says_by_which_scheme_the_client_came) {
  CidrSet trusted;
  trusted.add(*Cidr::parse("10.0.0.0/8"));
  struct Case {
    const char* fields;
    std::optional<http::Scheme> scheme;
  };
  const Case cases[] = {
      {"Forwarded: for=1.1.1.1;proto=https", http::Scheme::https},
      {"Forwarded: for=1.1.1.1;proto=https, for=10.2.2.2;proto=http", http::Scheme::https},   // the nearer one is a hop's
      {"Forwarded: proto=https;for=6.6.6.6, for=1.1.1.1;proto=http", http::Scheme::http},
      {"Forwarded: for=1.1.1.1;proto=gopher", std::nullopt},
      {"Forwarded: for=1.1.1.1;proto=https\r\nX-Forwarded-For: 1.1.1.1", std::nullopt},
  };
  for (const Case& one : cases) {
    TestCall call(std::string("GET / HTTP/1.1\r\nHost: x\r\n") + one.fields + "\r\n\r\n");
    EXPECT_EQ(forwarded_client(call.head.fields, *IpAddress::parse("10.0.0.1"), trusted).scheme, one.scheme) << one.fields;
  }
}

}  // namespace
}  // namespace sluice::proxy
