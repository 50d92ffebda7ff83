#include "route/host_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::route {
namespace {

TEST(HostPattern, takes_names_wildcards_and_addresses) {
  using Kind = HostPattern::Kind;
  struct {
    std::string_view text;
    Kind kind;
    std::string_view name;
  } cases[] = {
      {"api.example.com", Kind::exact, "api.example.com"},
      {"API.Example.COM.", Kind::exact, "api.example.com"},
      {"localhost", Kind::exact, "localhost"},
      {"_grpc.svc-1.internal", Kind::exact, "_grpc.svc-1.internal"},
      {"*.Example.com", Kind::wildcard, "example.com"},
      {"*.local", Kind::wildcard, "local"},
      {"*", Kind::any, ""},
      {"10.0.0.1", Kind::exact, "10.0.0.1"},
      {"[2001:DB8::1]", Kind::exact, "[2001:db8::1]"},
      {"[2001:db8:0:0::0001]", Kind::exact, "[2001:db8::1]"},
      {"[::FFFF:0a01:0203]", Kind::exact, "[::ffff:10.1.2.3]"},
  };
  for (auto [text, kind, name] : cases) {
    auto host = HostPattern::parse(text);
    ASSERT_TRUE(host) << text << ": " << host.error().text;
    EXPECT_EQ(host->kind(), kind) << text;
    EXPECT_EQ(host->name(), name);
    EXPECT_EQ(HostPattern::parse(host->to_string()).value_or({}), *host);
  }
}

TEST(HostPattern, refuses_what_is_no_host) {
  std::string label(64, 'a'), name;
  while (name.size() < 254) name += "abcdefg.";
  name += "com";
  struct {
    std::string_view text;
    size_t position;
    std::string_view why;
  } cases[] = {
      {"", 0, "an empty host: leave it out for every host"},
      {"api.example.com:8443", 15, "a host has no port here: ports belong to [listen.*]"},
      {"[::1]:80", 5, "a host has no port here: ports belong to [listen.*]"},
      {"http://a", 0, "a host has no scheme here: write its name alone"},
      {"a/b", 1, "'/' cannot stand in a host name"},
      {"a b", 1, "' ' cannot stand in a host name"},
      {"user@a", 4, "'@' cannot stand in a host name"},
      {"a..b", 2, "an empty label"},
      {".a", 0, "an empty label"},
      {"a..", 2, "an empty label"},
      {".", 0, "an empty label"},
      {"*.", 2, "an empty label"},
      {"a.*.com", 2, "a star stands only first, *.example.com"},
      {"*a.com", 0, "a star stands only first, *.example.com"},
      {"*.*.com", 2, "a star stands only first, *.example.com"},
      {"*.10.0.0.1", 0, "an address has no names below it"},
      {"*.0.0.1", 0, "an address has no names below it"},
      {"127.1", 0, "not an IPv4 address, and no name either"},
      {"0x7f.0.0.0x1", 0, "not an IPv4 address, and no name either"},
      {"256.0.0.1", 0, "not an IPv4 address, and no name either"},
      {"m\xC3\xBCnchen.de", 1, "write international names in their xn-- form"},
      {"[::1", 1, "not an IPv6 address"},
      {"[]", 1, "not an IPv6 address"},
      {"[1.2.3.4]", 1, "not an IPv6 address"},
      {"[fe80::1%25eth0]", 1, "not an IPv6 address"},
      {label, 0, "a label has at most 63 characters"},
      {name, 0, "a host name has at most 253 characters"},
  };
  for (auto [text, position, why] : cases) {
    auto host = HostPattern::parse(text);
    ASSERT_FALSE(host) << text;
    EXPECT_EQ(host.error().text, why) << text;
    EXPECT_EQ(host.error().position, position) << text;
  }
}

}  // namespace
}  // namespace sluice::route
