#include "http/cookie.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_in(std::string_view field) {
  Pairs pairs;
  each_cookie(field, [&](const Cookie& cookie) { pairs.emplace_back(cookie.name, cookie.value); });
  return pairs;
}

TEST(Cookie, pairs_are_read_in_order) {
  EXPECT_EQ(pairs_in("a=1; b=2"), (Pairs{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(pairs_in("a=1;b=2;"), (Pairs{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(pairs_in(" a = 1 ;\tb=x=y "), (Pairs{{"a", "1"}, {"b", "x=y"}}));
  EXPECT_EQ(pairs_in("a=\"1 2\"; b=\""), (Pairs{{"a", "1 2"}, {"b", "\""}}));
  EXPECT_EQ(pairs_in(";; ;"), Pairs{});
  EXPECT_EQ(pairs_in("flag; =v; e="), (Pairs{{"", "flag"}, {"", "v"}, {"e", ""}}));
  EXPECT_EQ(pairs_in(""), Pairs{});
}

TEST(Cookie, one_is_taken_out_and_the_others_stay) {
  BlockPool blocks;
  Arena arena(blocks);
  auto without = [&](std::string_view field, std::string_view name = "s") { return std::string(without_cookie(field, name, arena)); };
  EXPECT_EQ(without("a=1;b=2"), "a=1;b=2");
  EXPECT_EQ(without("s=1"), "");
  EXPECT_EQ(without("a=1; s=1; b=\"2\""), "a=1; b=\"2\"");
  EXPECT_EQ(without("s=1; a=1; s=2"), "a=1");
  EXPECT_EQ(without("S=1; ss=2; s=3"), "S=1; ss=2");   // names are told apart by case
  EXPECT_EQ(without("s=;a;b;c;d;e;f"), "a; b; c; d; e; f");   // longer than it was
}

}  // namespace
}  // namespace sluice::http
