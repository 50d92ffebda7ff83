#include "net/address.h"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

TEST(SocketAddress, prints_what_it_parsed) {
  for (std::string_view text : {"1.2.3.4:80", "[::1]:443", ":8080", "unix:/run/x.sock"}) {
    auto address = SocketAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(SocketAddress, refuses_what_is_no_address) {
  for (std::string_view text :
       {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "::1:80", "[::1]", "[1.2.3.4:80",
        "name:80", "1.2.3.4:+1", "unix:", "[x]:1"}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
  EXPECT_FALSE(SocketAddress::parse("unix:" + std::string(108, 'x')));
}

TEST(SocketAddress, survives_the_way_through_sockaddr) {
  for (std::string_view text : {"1.2.3.4:80", "[2001:db8::1]:443", "unix:/run/x.sock"}) {
    SocketAddress address = *SocketAddress::parse(text);
    sockaddr_storage storage;
    socklen_t size = address.fill(storage);
    EXPECT_EQ(SocketAddress::from(reinterpret_cast<sockaddr*>(&storage), size), address) << text;
    EXPECT_EQ(storage.ss_family, address.family());
  }
}

TEST(HostPort, splits_at_the_last_colon) {
  auto name = parse_host_port("api.example.com:8080");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "api.example.com");
  EXPECT_EQ(name->port, 8080);
  auto v6 = parse_host_port("[::1]:80");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
}

}  // namespace
}  // namespace sluice::net
