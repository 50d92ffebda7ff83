#include "http/problem.h"

#include <gtest/gtest.h>

#include <set>

#include "http/h1_problems.h"

namespace sluice::http {
namespace {

TEST(ProblemForm, follows_accept) {
  struct Row {
    std::string_view accept;
    ProblemForm form;
  };
  const Row rows[] = {
      {"", ProblemForm::json},
      {"*/*", ProblemForm::json},
      {"application/json", ProblemForm::json},
      {"image/png", ProblemForm::json},
      {"text/html", ProblemForm::html},
      {"TEXT/HTML", ProblemForm::html},
      {"text/plain", ProblemForm::plain},
      {"text/*", ProblemForm::html},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
       ProblemForm::html},
      {"application/json, text/plain, */*", ProblemForm::json},
      {"application/json;q=0.5, text/html;q=0.6", ProblemForm::html},
      {"application/json;q=0.6, text/html;q=0.5", ProblemForm::json},
      {"application/problem+json, text/html", ProblemForm::json},
      {"text/html;q=0, */*", ProblemForm::json},
      {"text/html;level=1;q=0.3, text/plain;q=0.301", ProblemForm::plain},
      {"text/html ; q=1.000", ProblemForm::html},
      {"*/*;q=0.1, text/*;q=0.2", ProblemForm::html},
      {"application/*;q=0.9, text/plain", ProblemForm::plain},
      {"text/html;q=x", ProblemForm::html},
      {"text/html;q=", ProblemForm::html},
      {";,,;q=;\"", ProblemForm::json},
      {"text/html;q=0.99999999999999999999, application/json;q=0.5", ProblemForm::html},
  };
  for (const Row& row : rows) EXPECT_EQ(problem_form(row.accept), row.form) << row.accept;
}

constexpr Problem kOdd{418, "odd", "A \"<title>\"", "Do & don't\nrepeat."};

TEST(Problem, is_rendered_as_problem_json) {
  EXPECT_EQ(
      render_problem(kOdd, ProblemForm::json, "r\"1"),
      "{\"type\":\"https://sluice.dev/errors#odd\",\"title\":\"A \\\"<title>\\\"\",\"status\":418,"
      "\"detail\":\"Do & "
      "don't\\u000arepeat.\",\"instance\":\"urn:request:r\\\"1\",\"code\":\"odd\"}\n");
  EXPECT_EQ(render_problem(kBadExpect, ProblemForm::json, "").find("instance"), std::string::npos);
}

TEST(Problem, is_escaped_in_html) {
  std::string html = render_problem(kOdd, ProblemForm::html, "<r>");
  EXPECT_NE(html.find("<h1>418 A &quot;&lt;title&gt;&quot;</h1>"), std::string::npos) << html;
  EXPECT_NE(html.find("Do &amp; don&#39;t"), std::string::npos);
  EXPECT_NE(html.find("<code>&lt;r&gt;</code>"), std::string::npos);
  EXPECT_NE(html.find("href=\"https://sluice.dev/errors#odd\""), std::string::npos);
}

TEST(Problem, is_readable_as_plain_text) {
  EXPECT_EQ(render_problem(kOdd, ProblemForm::plain, "r1"),
            "418 A \"<title>\"\nDo & don't\nrepeat.\nhttps://sluice.dev/errors#odd\nRequest r1\n");
}

TEST(Problem, content_types_name_the_form) {
  EXPECT_EQ(problem_content_type(ProblemForm::json), "application/problem+json");
  EXPECT_EQ(problem_content_type(ProblemForm::html), "text/html; charset=utf-8");
  EXPECT_EQ(problem_content_type(ProblemForm::plain), "text/plain; charset=utf-8");
}

TEST(H1Problems, have_distinct_codes_a_text_and_a_status_of_the_client) {
  std::set<std::string_view> codes;
  for (const Problem* problem : kH1Problems) {
    EXPECT_TRUE(codes.insert(problem->code).second) << problem->code;
    EXPECT_FALSE(problem->title.empty());
    EXPECT_TRUE(problem->detail.ends_with('.') || problem->detail.ends_with(')')) << problem->code;
    EXPECT_TRUE(problem->close);
    std::set<uint16_t> statuses = {400, 413, 414, 417, 431, 501, 505};
    EXPECT_TRUE(statuses.count(problem->status)) << problem->code;
  }
}

}  // namespace
}  // namespace sluice::http
