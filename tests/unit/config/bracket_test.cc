#include "config/bracket.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

struct Case {
  const char* text;
  Position until;
  char kind;   // 0: none
  Position at;
};

TEST(Bracket, the_innermost_that_is_open_is_found) {
  const Case cases[] = {
      {"a = [1, 2]\nb = 3\n", {0, 2, 1}, 0, {}},
      {"a = [1, 2\nb = 3\n", {0, 2, 1}, '[', {0, 1, 5}},
      {"a = [{ x = 1 }, { y = 2", {0, 1, 21}, '{', {0, 1, 17}},
      {"[a]\n[[b]]\nc = 1", {0, 3, 1}, 0, {}},
      {"a = [ # ]\n1", {0, 2, 1}, '[', {0, 1, 5}},
      {"a = [ \"]\", ']', \"\\\"]\"\n1", {0, 2, 1}, '[', {0, 1, 5}},
      {"a = [ \"\"\"]\n\"]\"\"\"\n1", {0, 3, 1}, '[', {0, 1, 5}},
      {"a = '''[\n'''\n1", {0, 3, 1}, 0, {}},
      {"a = [ \"\" ]\nb = [", {0, 2, 6}, '[', {0, 2, 5}},
      {"\"\xC3\xA9\" = [\n1", {0, 2, 1}, '[', {0, 1, 7}},
      {"a = \"not closed", {0, 9, 1}, 0, {}},
      {"]]", {0, 9, 1}, 0, {}},
  };
  for (const Case& one : cases) {
    Sources sources;
    sources.add("a.toml", one.text);
    std::optional<Bracket> open = open_bracket(sources[0], one.until);
    EXPECT_EQ(open ? open->kind : 0, one.kind) << one.text;
    if (open) {
      EXPECT_EQ(open->at, one.at) << one.text;
    }
  }
}

}  // namespace
}  // namespace sluice::config
