#include "route/value_match.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::route {
namespace {

ValueMatch match(std::string_view text) {
  return *ValueMatch::parse(text);
}

TEST(ValueMatch, matches_exactly_by_prefix_or_presence) {
  struct {
    std::string_view match, value;
    bool holds;
  } cases[] = {
      {"2", "2", true},        {"2", "20", false},    {"2", "", false},       {"abc*", "abc", true},
      {"abc*", "abcd", true},  {"abc*", "ab", false}, {"abc*", "Abc", false}, {"*", "", true},
      {"*", "anything", true}, {"", "", true},        {"", "a", false},
  };
  for (auto [text, value, holds] : cases) {
    EXPECT_EQ(match(text).matches(value), holds) << text << " " << value;
  }
}

TEST(ValueMatch, refuses_stars_inside_and_control_bytes) {
  EXPECT_EQ(ValueMatch::parse("a*b").error().position, 1u);
  EXPECT_EQ(ValueMatch::parse("**").error().text, "a star stands only at the end");
  EXPECT_EQ(ValueMatch::parse("a\nb").error().text, "control bytes never reach a match");
}

// implies, excludes and strictness, against what a few hundred values say.
TEST(ValueMatch, relations_agree_with_the_values) {
  const std::vector<std::string> matches = {"*",  "a*",  "ab*", "abc*", "b*",
                                            "ab", "abc", "b",   "",     "ba"};
  std::vector<std::string> values = {""};
  for (size_t i = 0; values.size() < 400; ++i) {
    for (char c : {'a', 'b', 'c'}) values.push_back(values[i] + c);
  }
  for (const std::string& left : matches) {
    for (const std::string& right : matches) {
      ValueMatch a = match(left), b = match(right);
      bool implied = true, excluded = true;
      for (const std::string& value : values) {
        if (a.matches(value) && !b.matches(value)) implied = false;
        if (a.matches(value) && b.matches(value)) excluded = false;
      }
      EXPECT_EQ(a.implies(b), implied) << left << " " << right;
      EXPECT_EQ(a.excludes(b), excluded) << left << " " << right;
      if (implied && left != right) {
        EXPECT_GT(a.strictness(), b.strictness()) << left << " " << right;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::route
