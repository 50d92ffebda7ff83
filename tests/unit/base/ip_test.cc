#include "base/ip.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(IpAddress, has_one_text_for_every_address) {
  struct {
    std::string_view text, canonical;
  } cases[] = {
      {"0.0.0.0", "0.0.0.0"},
      {"192.0.2.255", "192.0.2.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::ffff:10.1.2.3", "10.1.2.3"},  // mapped: the same host
      {"::FFFF:0a01:0203", "10.1.2.3"},
      {"::fffe:10.1.2.3", "::fffe:a01:203"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (auto [text, canonical] : cases) {
    auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), canonical);
    EXPECT_EQ(IpAddress::parse(canonical), address);
    EXPECT_EQ(address->is_v4(), canonical.find(':') == std::string_view::npos);
  }
}

TEST(IpAddress, refuses_what_is_no_address) {
  for (std::string_view text :
       {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.00", "1.2.3.04",
        "1.2.3.1000", "1.2.3.4294967297", "1.2.3.256", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x1.2.3.4",
        "1.2.3.-4", "[::1]", "::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "12345::", "::g",
        "example.com", "1.2.3.4:80", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, a_nul_does_not_end_the_text) {
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0.evil", 9)));
}

TEST(IpAddress, none_is_in_no_range) {
  IpAddress none;
  EXPECT_TRUE(none.is_none());
  EXPECT_EQ(none.to_string(), "-");
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(none));
  EXPECT_FALSE(Cidr().contains(none));
}

TEST(Cidr, contains_exactly_its_addresses) {
  struct {
    std::string_view range, address;
    bool inside;
  } cases[] = {
      {"10.0.0.0/8", "10.0.0.0", true},
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.0.0.0/8", "9.255.255.255", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.6/31", "192.0.2.7", true},
      {"192.0.2.6/31", "192.0.2.8", false},
      {"192.0.2.6", "192.0.2.6", true},
      {"192.0.2.6", "192.0.2.7", false},
      {"0.0.0.0/0", "255.1.2.3", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "10.0.0.1", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"2001:db8::1/128", "2001:db8::1", true},
      {"10.0.0.0/8", "::ffff:10.0.0.1", true},
  };
  for (auto [range, address, inside] : cases) {
    EXPECT_EQ(Cidr::parse(range)->contains(*IpAddress::parse(address)), inside)
        << range << " " << address;
  }
}

TEST(Cidr, refuses_what_is_no_range) {
  for (std::string_view text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8",
                                "10.0.0.0/-1", "10.0.0.1/8", "10.0.0.0/8/8", "10.0.0.0/ 8",
                                "2001:db8::/129", "2001:db8::1/64", "10.0.0.0/255.0.0.0", "10/8"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

// A mapped range counts its prefix in 128 bits: ::ffff:10.0.0.0/8 is not 10.0.0.0/8.
TEST(Cidr, mapped_ranges_keep_their_meaning) {
  EXPECT_EQ(Cidr::parse("::ffff:10.0.0.0/104"), Cidr::parse("10.0.0.0/8"));
  EXPECT_EQ(Cidr::parse("::ffff:10.0.0.1"), Cidr::parse("10.0.0.1/32"));
  EXPECT_EQ(Cidr::parse("::ffff:0.0.0.0/96"), Cidr::parse("0.0.0.0/0"));
  EXPECT_FALSE(Cidr::parse("::ffff:10.0.0.0/8"));
  EXPECT_FALSE(Cidr::parse("::ffff:0.0.0.0/95"));
}

TEST(Cidr, prints_its_prefix) {
  EXPECT_EQ(Cidr::parse("10.0.0.0/8")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("2001:DB8::1")->to_string(), "2001:db8::1/128");
}

TEST(CidrSet, contains_what_one_range_contains) {
  CidrSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(set.contains(*IpAddress::parse("10.0.0.1")));
  set.add(*Cidr::parse("10.0.0.0/8"));
  set.add(*Cidr::parse("::1"));
  EXPECT_TRUE(set.contains(*IpAddress::parse("10.0.0.1")));
  EXPECT_TRUE(set.contains(*IpAddress::parse("::1")));
  EXPECT_FALSE(set.contains(*IpAddress::parse("::2")));
}

}  // namespace
}  // namespace sluice
