#include "policy/auth/allowed_ips.h"

#include <gtest/gtest.h>

#include "policy/auth/key_store.h"

namespace sluice::policy {
namespace {

std::shared_ptr<const IpRanges> ranges_of(std::initializer_list<std::string_view> texts) {
  auto ranges = std::make_shared<IpRanges>();
  for (std::string_view text : texts) ranges->add(*Cidr::parse(text));
  ranges->finish();
  return ranges;
}

std::shared_ptr<IpList> list_of(std::string name, std::initializer_list<std::string_view> texts) {
  return std::make_shared<IpList>("ip_list." + std::move(name), ranges_of(texts));
}

IpSources sources(std::initializer_list<std::string_view> texts) {
  IpSources out;
  for (std::string_view text : texts) out.push_back({*config::TextForm<IpSource>::parse(text), {}});
  return out;
}

bool allows(const AllowedIps& allowed, std::string_view from) { return allowed.allow(*IpAddress::parse(from), 0); }

TEST(AllowedIps, any_range_and_any_list_is_enough) {
  IpLists lists{{"office", list_of("office", {"203.0.113.0/24"})}, {"lab", list_of("lab", {"2001:db8::/32"})},
                {"other", list_of("other", {"192.0.2.0/24"})}};
  AllowedIps allowed = make_allowed_ips(sources({"office", "198.51.100.7", "lab"}), lists);
  for (std::string_view from : {"203.0.113.9", "::ffff:203.0.113.9", "198.51.100.7", "2001:db8::1"})
    EXPECT_TRUE(allows(allowed, from)) << from;
  for (std::string_view from : {"192.0.2.1", "198.51.100.8", "2001:db9::1"}) EXPECT_FALSE(allows(allowed, from)) << from;
  EXPECT_FALSE(allowed.allow(IpAddress(), 0)) << "a client without an address";
}

TEST(AllowedIps, without_any_everybody_is_allowed_and_by_an_empty_list_nobody) {
  EXPECT_TRUE(allows(make_allowed_ips({}, {}), "192.0.2.1"));
  EXPECT_TRUE(make_allowed_ips({}, {}).allow(IpAddress(), 0));
  EXPECT_FALSE(allows(make_allowed_ips(sources({"none"}), {{"none", list_of("none", {})}}), "192.0.2.1"));
}

TEST(AllowedIps, a_replaced_list_holds_for_keys_that_stand) {
  config::Sections<ConsumerConfig> consumers(1);
  consumers[0].name = "acme";
  consumers[0].value.keys = {{{"k1", {}}, {KeyHash{{1}}, {}}, {}}};
  consumers[0].value.allow_ips = sources({"office"});
  auto office = list_of("office", {"203.0.113.0/24"});
  auto table = make_key_table(consumers, {{"office", office}});
  auto key = table->find(KeyHash{{1}});
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->allows(*IpAddress::parse("203.0.113.9"), 0));
  office->replace(ranges_of({"192.0.2.0/24"}));
  EXPECT_FALSE(key->allows(*IpAddress::parse("203.0.113.9"), 0));
  EXPECT_TRUE(key->allows(*IpAddress::parse("192.0.2.1"), 0));
}

TEST(AllowedIps, two_consumers_with_different_lists_do_not_share_their_grants) {
  config::Sections<ConsumerConfig> consumers(2);
  for (uint8_t i = 0; i < 2; ++i) {
    consumers[i].name = i == 0 ? "acme" : "bank";
    consumers[i].value.keys = {{{"k1", {}}, {KeyHash{{i}}, {}}, {}}};
    consumers[i].value.allow_ips = sources({consumers[i].name});
  }
  auto table = make_key_table(consumers, {{"acme", list_of("acme", {"203.0.113.0/24"})},
                                          {"bank", list_of("bank", {"192.0.2.0/24"})}});
  EXPECT_TRUE(table->find(KeyHash{{0}})->allows(*IpAddress::parse("203.0.113.9"), 0));
  EXPECT_FALSE(table->find(KeyHash{{1}})->allows(*IpAddress::parse("203.0.113.9"), 0));
}

}  // namespace
}  // namespace sluice::policy
