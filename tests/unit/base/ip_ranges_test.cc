#include "base/ip_ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "base/hash.h"

namespace sluice {
namespace {

IpRanges ranges_of(std::initializer_list<std::string_view> texts) {
  IpRanges ranges;
  for (std::string_view text : texts) ranges.add(*Cidr::parse(text));
  ranges.finish();
  return ranges;
}

bool has(const IpRanges& ranges, std::string_view address) { return ranges.contains(*IpAddress::parse(address)); }

TEST(IpRanges, contain_their_first_and_last_address_and_no_neighbour) {
  IpRanges ranges = ranges_of({"10.1.0.0/16", "192.0.2.7", "2001:db8::/32"});
  for (std::string_view inside : {"10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8::",
                                  "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(has(ranges, inside)) << inside;
  }
  for (std::string_view outside : {"10.0.255.255", "10.2.0.0", "192.0.2.6", "192.0.2.8", "2001:db7:ffff::",
                                   "2001:db9::", "0.0.0.0", "255.255.255.255", "::", "::a01:203"}) {
    EXPECT_FALSE(has(ranges, outside)) << outside;
  }
  EXPECT_FALSE(ranges.contains(IpAddress()));
}

TEST(IpRanges, join_when_they_overlap_or_touch) {
  EXPECT_EQ(ranges_of({"10.0.0.0/9", "10.128.0.0/9", "10.3.0.0/16", "10.0.0.0/9"}).size(), 1u);
  EXPECT_EQ(ranges_of({"10.0.0.0/9", "10.128.0.1"}).size(), 2u);
  EXPECT_EQ(ranges_of({"255.255.255.255", "255.255.255.254", "0.0.0.0"}).size(), 2u);
  EXPECT_EQ(ranges_of({"0.0.0.0/0", "255.0.0.0/8", "1.2.3.4"}).size(), 1u);
  EXPECT_EQ(ranges_of({"::/0", "ffff::/16", "::1"}).size(), 1u);
  EXPECT_EQ(ranges_of({"10.0.0.0/8", "2001:db8::/32"}).size(), 2u);
}

TEST(IpRanges, of_one_family_say_nothing_of_the_other) {
  EXPECT_FALSE(has(ranges_of({"::/0"}), "10.0.0.1"));
  EXPECT_FALSE(has(ranges_of({"0.0.0.0/0"}), "::1"));
  EXPECT_TRUE(has(ranges_of({"::ffff:10.0.0.0/104"}), "10.9.9.9"));   // mapped: the same hosts
  EXPECT_FALSE(has(ranges_of({}), "10.0.0.1"));
  EXPECT_TRUE(ranges_of({}).empty());
}

TEST(IpRanges, agree_with_every_range_looked_at_alone) {
  Random random{7};
  std::vector<Cidr> all;
  IpRanges ranges;
  for (int i = 0; i < 300; ++i) {   // in a small corner, so that they meet
    auto word = static_cast<uint32_t>(random.next());
    uint8_t bytes[16] = {10, 0, static_cast<uint8_t>(word >> 16 & 3), static_cast<uint8_t>(word)};
    unsigned prefix = 22 + word % 11;
    for (unsigned bit = prefix; bit < 32; ++bit) bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
    bool v6 = i % 2 == 0;
    IpAddress base = v6 ? IpAddress::v6(bytes) : IpAddress::v4(bytes);
    all.push_back(*Cidr::parse(base.to_string() + "/" + std::to_string(prefix)));
    ranges.add(all.back());
  }
  ranges.finish();
  for (uint32_t i = 0; i < 5 * 256; ++i) {
    uint8_t bytes[16] = {10, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    for (const IpAddress& address : {IpAddress::v4(bytes), IpAddress::v6(bytes)}) {
      bool any = std::any_of(all.begin(), all.end(), [&](const Cidr& range) { return range.contains(address); });
      EXPECT_EQ(ranges.contains(address), any) << address.to_string();
    }
  }
}

TEST(IpRanges, a_million_are_looked_up_as_quickly_as_one_would_hope) {
  IpRanges ranges;
  uint8_t bytes[4] = {};
  for (uint32_t i = 0; i < 1'000'000; ++i) {   // every other /29, so that none touches the next
    uint32_t first = i << 4;
    for (size_t byte = 0; byte < 4; ++byte) bytes[byte] = static_cast<uint8_t>(first >> (24 - 8 * byte));
    ranges.add(*Cidr::parse(IpAddress::v4(bytes).to_string() + "/29"));
  }
  ranges.finish();
  EXPECT_EQ(ranges.size(), 1'000'000u);
  EXPECT_TRUE(has(ranges, "0.0.0.7"));
  EXPECT_FALSE(has(ranges, "0.0.0.8"));
  EXPECT_TRUE(has(ranges, "0.244.35.247"));   // 16,000,000 + 7 - 16
  EXPECT_FALSE(has(ranges, "0.244.36.0"));
}

}  // namespace
}  // namespace sluice
