#include "route/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::route {
namespace {

// The segments in one line: literals in quotes, {names}, **.
std::string shape(const Pattern& pattern) {
  std::string out;
  for (const Pattern::Segment& segment : pattern.segments()) {
    switch (segment.kind) {
      case Pattern::Kind::literal:
        out += "'" + segment.text + "'";
        break;
      case Pattern::Kind::param:
        out += "{" + segment.text + "}";
        break;
      case Pattern::Kind::rest:
      case Pattern::Kind::asterisk:
        out += segment.text;
        break;
    }
  }
  return out;
}

TEST(Pattern, splits_into_segments) {
  struct {
    std::string_view text, shape;
  } cases[] = {
      {"/", "''"},
      {"/a", "'a'"},
      {"/a/", "'a'''"},
      {"/v2/users/{user_id}/orders", "'v2''users'{user_id}'orders'"},
      {"/{a}/{_b2}/", "{a}{_b2}''"},
      {"/**", "**"},
      {"/a/**", "'a'**"},
      {"/{x}/**", "{x}**"},
      {"*", "*"},
  };
  for (auto [text, expected] : cases) {
    auto pattern = Pattern::parse(text);
    ASSERT_TRUE(pattern) << text << ": " << pattern.error().text;
    EXPECT_EQ(shape(*pattern), expected) << text;
    EXPECT_EQ(pattern->text(), text);
  }
}

TEST(Pattern, literals_take_the_canonical_form) {
  struct {
    std::string_view text, canonical;
  } cases[] = {
      {"/%41%7e%2D", "'A~-'"},  // unreserved: decoded
      {"/a%3ab", "'a%3Ab'"},    // reserved: stays encoded, upper case
      {"/a:b@c!$&'()+,;=", "'a:b@c!$&'()+,;='"},
      {"/caf\xC3\xA9", "'caf%C3%A9'"},  // UTF-8 as an editor writes it
      {"/caf%c3%a9", "'caf%C3%A9'"},
      {"/a%2fb", "'a%2Fb'"},  // matches under the profile that keeps %2F
      {"/a%20b", "'a%20b'"},
      {"/%2A", "'%2A'"},
      {"/...", "'...'"},
  };
  for (auto [text, canonical] : cases) {
    auto pattern = Pattern::parse(text);
    ASSERT_TRUE(pattern) << text << ": " << pattern.error().text;
    EXPECT_EQ(shape(*pattern), canonical);
  }
}

TEST(Pattern, refuses_what_no_request_can_have) {
  struct {
    std::string_view text;
    size_t position;
    std::string_view why;
  } cases[] = {
      {"", 0, "a path starts with /"},
      {"a/b", 0, "a path starts with /"},
      {"**", 0, "a path starts with /"},
      {"/a//b", 3, "an empty segment: requests with // have no match"},
      {"//", 1, "an empty segment: requests with // have no match"},
      {"/a/./b", 3, "requests never hold dot segments"},
      {"/..", 1, "requests never hold dot segments"},
      {"/a/%2e%2E", 3, "requests never hold dot segments"},
      {"/a/..;x", 3, "requests never hold dot segments"},
      {"/.%3b", 1, "requests never hold dot segments"},
      {"/a?b=1", 2, "a path has no query: that is match.query"},
      {"/a#b", 2, "a path has no fragment: clients never send one"},
      {"/a b", 2, "' ' cannot stand in a path: write it %-encoded"},
      {"/a\\b", 2, "'\\' cannot stand in a path: write it %-encoded"},
      {"/a%5cb", 2, "requests with an encoded backslash are refused"},
      {"/a%00", 2, "requests with control bytes are refused"},
      {"/%7F", 1, "requests with control bytes are refused"},
      {"/a%4", 2, "'%' needs two hex digits"},
      {"/a%", 2, "'%' needs two hex digits"},
      {"/a%zz", 2, "'%' needs two hex digits"},
      {"/*", 1, "a star stands only as the last segment, /**; one segment is {name}"},
      {"/a/*.png", 3, "a star stands only as the last segment, /**; one segment is {name}"},
      {"/a**", 2, "a star stands only as the last segment, /**; one segment is {name}"},
      {"/**/a", 1, "** stands only at the end"},
      {"/**/", 1, "** stands only at the end"},
      {"/{id}.json", 5, "a parameter is a whole segment, /{name}/"},
      {"/v{id}", 2, "a parameter is a whole segment, /{name}/"},
      {"/a}", 2, "a parameter is a whole segment, /{name}/"},
      {"/{id", 1, "'{' without '}'"},
      {"/{a/b}", 1, "'{' without '}'"},
      {"/{}", 2, "a parameter's name is letters, digits and _, no digit first"},
      {"/{1a}", 2, "a parameter's name is letters, digits and _, no digit first"},
      {"/{a-b}", 2, "a parameter's name is letters, digits and _, no digit first"},
      {"/{**}", 2, "a parameter's name is letters, digits and _, no digit first"},
      {"/{a}/b/{a}", 8, "parameter {a} is named twice"},
  };
  for (auto [text, position, why] : cases) {
    auto pattern = Pattern::parse(text);
    ASSERT_FALSE(pattern) << text;
    EXPECT_EQ(pattern.error().text, why) << text;
    EXPECT_EQ(pattern.error().position, position) << text;
  }
}

TEST(Pattern, has_limits) {
  std::string deep, wide;
  for (size_t i = 0; i < Pattern::kSegmentsMax; ++i) deep += "/s";
  EXPECT_TRUE(Pattern::parse(deep));
  EXPECT_EQ(Pattern::parse(deep + "/s").error().text, "more than 64 segments");
  for (size_t i = 0; i < Pattern::kParamsMax; ++i) wide += "/{p" + std::to_string(i) + "}";
  EXPECT_TRUE(Pattern::parse(wide));
  EXPECT_EQ(Pattern::parse(wide + "/{q}").error().text, "more than 16 parameters");
  EXPECT_EQ(Pattern::parse(wide + "/**").error().text, "more than 16 parameters");
}

TEST(Pattern, names_what_it_captures) {
  Pattern pattern = *Pattern::parse("/a/{x}/{y}/**");
  EXPECT_EQ(pattern.params(), (std::vector<std::string>{"x", "y", "**"}));
  EXPECT_EQ(pattern.param_index("y"), 1u);
  EXPECT_EQ(pattern.param_index("**"), 2u);
  EXPECT_EQ(pattern.param_index("z"), std::nullopt);
}

}  // namespace
}  // namespace sluice::route
