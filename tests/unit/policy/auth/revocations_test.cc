#include "policy/auth/revocations.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

WallTime at(int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

std::string fault(std::string_view text) {
  auto list = Revocations::read(text);
  return list ? "" : list.error();
}

TEST(Revocations, name_tokens_and_subjects) {
  auto list = Revocations::read(
      "# tokens that leaked\n"
      "{\"jti\": \"t1\"}\r\n"
      "\n"
      "  {\"sub\": \"mallory\"}\n"
      "{\"sub\": \"alice\", \"before\": 1000}\n"
      "{\"sub\": \"alice\", \"before\": 500}");
  ASSERT_TRUE(list) << list.error();
  EXPECT_EQ(list->size(), 3u);
  EXPECT_TRUE(list->revoked({"t1", "bob", {}}));
  EXPECT_FALSE(list->revoked({"t2", "bob", {}}));
  EXPECT_FALSE(list->revoked({"", "", {}}));
  EXPECT_TRUE(list->revoked({"t2", "mallory", at(1 << 30)}));
  EXPECT_TRUE(list->revoked({"", "alice", at(999)}));
  EXPECT_TRUE(list->revoked({"", "alice", {}}));   // says not when it was issued
  EXPECT_FALSE(list->revoked({"", "alice", at(1000)}));
  EXPECT_FALSE(Revocations::read("")->revoked({"t1", "alice", {}}));
}

TEST(Revocations, with_a_mistake_do_not_count_in_part) {
  EXPECT_EQ(fault("{\"jti\":\"a\"}\nt2\n"), "line 2: no valid JSON");
  EXPECT_EQ(fault("[1]"), "line 1: no JSON object");
  EXPECT_EQ(fault("{}"), "line 1: needs one of \"jti\" and \"sub\", a text");
  EXPECT_EQ(fault("{\"jti\":\"\"}"), "line 1: needs one of \"jti\" and \"sub\", a text");
  EXPECT_EQ(fault("{\"jti\":1}"), "line 1: needs one of \"jti\" and \"sub\", a text");
  EXPECT_EQ(fault("{\"jti\":\"a\",\"sub\":\"b\"}"),
            "line 1: needs one of \"jti\" and \"sub\", a text");
  EXPECT_EQ(fault("{\"jit\":\"a\"}"), "line 1: unknown member \"jit\"");
  EXPECT_EQ(fault("{\"sub\":\"a\",\"before\":\"now\"}"),
            "line 1: \"before\" is a number of seconds since 1970 and goes with \"sub\"");
  EXPECT_EQ(fault("{\"jti\":\"a\",\"before\":5}"),
            "line 1: \"before\" is a number of seconds since 1970 and goes with \"sub\"");
  EXPECT_EQ(fault("{\"jti\":\"" + std::string(kRevocationLineMax, 'x') + "\"}"),
            "line 1: longer than 4 KiB");
  EXPECT_EQ(fault(std::string(kRevocationBytesMax + 1, '\n')), "more than 16 MiB");
}

}  // namespace
}  // namespace sluice::policy
