#include "config/template.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

TEST(Template, parts_are_literals_and_facts_in_order) {
  Result<Template, TextError> text = parse_template("a-{ip}{header.X-Tenant}/{{b}}");
  ASSERT_TRUE(text);
  ASSERT_EQ(text->parts.size(), 3u);
  EXPECT_EQ(text->parts[0].literal, "a-");
  EXPECT_EQ(text->parts[0].fact, (Fact{Fact::Kind::ip, ""}));
  EXPECT_EQ(text->parts[1].literal, "");
  EXPECT_EQ(text->parts[1].fact, (Fact{Fact::Kind::header, "X-Tenant"}));
  EXPECT_EQ(text->parts[2].literal, "/{b}");
  EXPECT_FALSE(text->parts[2].has_fact);
  EXPECT_FALSE(text->is_literal());
}

TEST(Template, without_facts_it_is_a_literal) {
  for (const char* text : {"", "plain", "{{}}"}) {
    Result<Template, TextError> parsed = parse_template(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_TRUE(parsed->is_literal()) << text;
  }
  EXPECT_EQ(parse_template("{{x}}")->literal(), "{x}");
  EXPECT_EQ(parse_template("")->literal(), "");
}

TEST(Template, what_is_wrong_is_refused_where_it_stands) {
  struct Case {
    const char* text;
    size_t offset;
  };
  for (const Case& c : {Case{"a{", 1},
                        {"a}b", 1},
                        {"{ip", 0},
                        {"{{ip}", 4},
                        {"x{nope}", 2},
                        {"{header}", 1},
                        {"{header.}", 1},
                        {"{ip.x}", 1},
                        {"{ip.}", 1},  // was taken for "{ip}"
                        {"a{method.}", 2},
                        {"{}", 1},
                        {"{a{b}}", 0}}) {
    Result<Template, TextError> parsed = parse_template(c.text);
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().offset, c.offset) << c.text;
  }
}

TEST(Template, a_mistyped_fact_is_suggested) {
  EXPECT_EQ(parse_template("{haeder.X}").error().why, "did you mean \"header\"?");
  EXPECT_EQ(parse_template("{hots}").error().why, "did you mean \"host\"?");
}

TEST(Template, the_number_of_facts_is_bounded) {
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "{ip}";
  EXPECT_FALSE(parse_template(many));
}

TEST(Template, a_path_names_parameters_alone) {
  Result<PathTemplate, TextError> path = parse_path_template("/internal/{order_id}/{**}");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->path.parts[0].literal, "/internal/");
  EXPECT_EQ(path->path.parts[0].fact, (Fact{Fact::Kind::path, "order_id"}));
  EXPECT_EQ(path->path.parts[1].fact, (Fact{Fact::Kind::path, "**"}));
  for (const char* text : {"", "a", "{id}", "/a?x=1", "/a#b", "/{}", "/{a"})
    EXPECT_FALSE(parse_path_template(text)) << text;
}

}  // namespace
}  // namespace sluice::config
