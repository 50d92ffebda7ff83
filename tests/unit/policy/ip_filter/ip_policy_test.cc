#include "policy/ip_filter/ip_policy.h"

#include <sstream>

#include "policy/ip_filter/ip_list_file.h"
#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

IpRanges ranges_of(std::initializer_list<std::string_view> texts) {
  IpRanges ranges;
  for (std::string_view text : texts) ranges.add(*Cidr::parse(text));
  ranges.finish();
  return ranges;
}

IpUnion listed(std::initializer_list<std::string_view> texts) {
  IpUnion all;
  all.ranges = ranges_of(texts);
  for (std::string_view text : texts) all.text += (all.text.empty() ? "" : ", ") + std::string(text);
  return all;
}

struct IpPolicyTest : ::testing::Test {
  /// gives: the name of what refuses; empty: it passes
  std::string refusal(const IpPolicy& policy, const char* ip) {
    test.client.ip = ip ? *IpAddress::parse(ip) : IpAddress();
    test.call.findings().rule = {};
    Verdict verdict = policy.on_request(test.call);
    if (verdict.kind() == Verdict::Kind::pass) return "";
    EXPECT_EQ(verdict.problem(), &kAddressDenied);
    return std::string(test.call.findings().rule);
  }
  TestCall test{"GET / HTTP/1.1\r\nHost: x\r\n\r\n"};
};

TEST_F(IpPolicyTest, a_denial_counts_before_what_is_allowed) {
  IpPolicy policy({listed({"10.0.0.7"}), listed({"10.0.0.0/8", "2001:db8::/32"})});
  EXPECT_EQ(refusal(policy, "10.0.0.6"), "");
  EXPECT_EQ(refusal(policy, "2001:db8::1"), "");
  EXPECT_EQ(refusal(policy, "10.0.0.7"), "deny_ips");
  EXPECT_EQ(refusal(policy, "::ffff:10.0.0.7"), "deny_ips");
  EXPECT_EQ(refusal(policy, "11.0.0.1"), "allow_ips");
  EXPECT_EQ(policy.describe(), "deny 10.0.0.7; allow 10.0.0.0/8, 2001:db8::/32");
}

TEST_F(IpPolicyTest, without_allow_everybody_else_passes) {
  IpPolicy policy({listed({"10.0.0.0/8"}), {}});
  EXPECT_EQ(refusal(policy, "192.0.2.1"), "");
  EXPECT_EQ(refusal(policy, "10.1.1.1"), "deny_ips");
}

TEST_F(IpPolicyTest, an_unknown_address_is_on_no_list) {
  EXPECT_EQ(refusal(IpPolicy({listed({"0.0.0.0/0", "::/0"}), {}}), nullptr), "");
  EXPECT_EQ(refusal(IpPolicy({{}, listed({"0.0.0.0/0", "::/0"})}), nullptr), "allow_ips");
}

TEST_F(IpPolicyTest, a_replaced_list_holds_from_the_next_request_on) {
  auto blocked = std::make_shared<IpList>("ip_list.blocked", std::make_shared<const IpRanges>(ranges_of({"10.0.0.1"})));
  auto office = std::make_shared<IpList>("ip_list.office", std::make_shared<const IpRanges>(ranges_of({"10.0.0.0/8"})));
  IpUnion deny, allow;
  deny.lists = {blocked};
  allow.lists = {office};
  IpPolicy policy({deny, allow});
  EXPECT_EQ(refusal(policy, "10.0.0.1"), "ip_list.blocked");
  EXPECT_EQ(refusal(policy, "10.0.0.2"), "");
  blocked->replace(std::make_shared<const IpRanges>(ranges_of({"10.0.0.2"})));
  EXPECT_EQ(refusal(policy, "10.0.0.1"), "");
  EXPECT_EQ(refusal(policy, "10.0.0.2"), "ip_list.blocked");
  office->replace(std::make_shared<const IpRanges>());
  EXPECT_EQ(refusal(policy, "10.0.0.1"), "allow_ips");   // an empty list allows nobody
}

Result<std::shared_ptr<const IpRanges>, std::string> read(std::string text) {
  std::istringstream in(std::move(text));
  return read_ip_ranges(in);
}

TEST(IpListFile, has_a_range_a_line_and_comments) {
  auto ranges = read("# head\n\n10.0.0.0/8 ; SBL1\r\n  2001:db8::/32\t# six\n;\n192.0.2.1");
  ASSERT_TRUE(ranges) << ranges.error();
  EXPECT_EQ((*ranges)->size(), 3u);
  EXPECT_TRUE((*ranges)->contains(*IpAddress::parse("192.0.2.1")));
  auto none = read("");
  ASSERT_TRUE(none);
  EXPECT_TRUE((*none)->empty());
}

TEST(IpListFile, is_refused_whole) {
  const std::string why = "no address or range, or one with bits set behind its prefix";
  struct {
    std::string text, error;
  } cases[] = {
      {"10.0.0.0/8\n10.0.0.1/8\n", "line 2: " + why},
      {"10.0.0.0/33", "line 1: " + why},
      {"10.0.0.1 10.0.0.2\n", "line 1: " + why},
      {std::string("10.0.0.1\0x\n", 11), "line 1: " + why},
      {"\nexample.com\n", "line 2: " + why},
      {std::string(kIpListLineMax + 1, '#') + "\n", "line 1: longer than 1024 bytes"},
  };
  for (const auto& [text, error] : cases) {
    auto ranges = read(text);
    ASSERT_FALSE(ranges) << text;
    EXPECT_EQ(ranges.error(), error);
  }
  EXPECT_TRUE(read(std::string(kIpListLineMax, '#') + "\n10.0.0.1\n"));
}

}  // namespace
}  // namespace sluice::policy
