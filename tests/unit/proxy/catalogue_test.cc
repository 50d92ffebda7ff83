#include "proxy/catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "base/text.h"

namespace sluice::proxy {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The codes of every `constexpr Problem kName{status, "code", ...}` under src/.
std::multiset<std::string> codes_in_source() {
  std::multiset<std::string> codes;
  for (const auto& entry : fs::recursive_directory_iterator(SLUICE_SOURCE_DIR "/src")) {
    if (entry.path().extension() != ".h" && entry.path().extension() != ".cc") continue;
    std::string text = read_text(entry.path());
    for (size_t at = text.find("Problem k"); at != text.npos; at = text.find("Problem k", at + 1)) {
      size_t brace = text.find_first_of("{;,()", at);
      if (brace == text.npos || text[brace] != '{') continue;  // a use, not a definition
      size_t code = text.find('"', brace) + 1;
      codes.insert(text.substr(code, text.find('"', code) - code));
    }
  }
  return codes;
}

bool is_snake_case(std::string_view code) {
  bool letters = std::all_of(code.begin(), code.end(), [](char c) {
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z');
  });
  return letters && !code.starts_with('_') && !code.ends_with('_') && code.find("__") == code.npos;
}

TEST(Catalogue, has_every_problem_that_the_source_defines_once) {
  std::multiset<std::string> catalogued;
  for (const http::Problem* problem : problem_catalogue()) catalogued.emplace(problem->code);
  EXPECT_EQ(catalogued, codes_in_source());
}

TEST(Catalogue, codes_are_unique_and_snake_case) {
  std::set<std::string> seen;
  for (const http::Problem* problem : problem_catalogue()) {
    std::string code(problem->code);
    EXPECT_TRUE(seen.insert(code).second) << code;
    EXPECT_TRUE(is_snake_case(code)) << code;
  }
}

TEST(Catalogue, problems_are_complete_sentences_about_errors) {
  for (const http::Problem* problem : problem_catalogue()) {
    EXPECT_GE(problem->status, 400) << problem->code;
    EXPECT_LE(problem->status, 599) << problem->code;
    EXPECT_FALSE(problem->title.empty()) << problem->code;
    EXPECT_TRUE(problem->detail.ends_with('.') || problem->detail.ends_with(')')) << problem->code;
  }
}

TEST(Catalogue, page_has_the_heading_that_each_type_uri_points_to) {
  std::string page = problem_reference();
  for (const http::Problem* problem : problem_catalogue()) {
    std::string heading = "\n### " + std::string(problem->code) + "\n";
    EXPECT_NE(page.find(heading), std::string::npos) << problem->code;
  }
}

TEST(Catalogue, page_in_docs_is_what_the_code_says) {
  EXPECT_EQ(read_text(SLUICE_SOURCE_DIR "/docs/errors.md"), problem_reference())
      << "write it anew: sluice errors > docs/errors.md";
}

}  // namespace
}  // namespace sluice::proxy
