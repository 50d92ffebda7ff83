#include "config/load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sluice::config {
namespace {

std::optional<std::string> environment(std::string_view name) {
  if (name == "HOST") return "example.com";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

class Load : public testing::Test {
 protected:
  Load() {
    char name[] = "/tmp/sluice-load-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~Load() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
};

std::string text_of(const Document& document, std::string_view key) {
  const Entry* entry = document.root.find(key);
  return entry == nullptr ? "(none)" : entry->value.text;
}

TEST_F(Load, values_know_their_places) {
  Document document = load(write("main.toml", "a = 1\n\n[b]\n  key = \"text\"\n"));
  ASSERT_TRUE(document.issues.empty()) << render(document.issues, document.sources);
  const Entry* entry = document.root.find("b")->value.find("key");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->at, (Position{0, 4, 3, 3}));
  EXPECT_EQ(entry->value.at, (Position{0, 4, 9, 6}));
  EXPECT_EQ(document.sources.line(entry->at), "  key = \"text\"");
}

TEST_F(Load, included_files_are_merged_and_paths_are_relative_to_the_file_that_names_them) {
  write("conf.d/one.toml", "[t.one]\nfile = \"x\"\n");
  write("conf.d/two.toml", "[t.two]\nfile = \"y\"\n");
  Document document =
      load(write("main.toml", "include = [\"conf.d/*.toml\"]\n[t.zero]\nfile = \"z\"\n"));
  ASSERT_TRUE(document.issues.empty()) << render(document.issues, document.sources);
  EXPECT_EQ(document.sources.size(), 3u);
  const Value& tables = document.root.find("t")->value;
  ASSERT_EQ(tables.entries.size(), 3u);
  const Value& one = tables.find("one")->value.find("file")->value;
  EXPECT_EQ(document.sources.resolve(one.at.file, one.text), (folder_ / "conf.d/x").string());
  EXPECT_EQ(document.sources.resolve(one.at.file, "/abs"), "/abs");
}

TEST_F(Load, a_file_that_several_patterns_match_is_read_once) {
  write("a.toml", "[t.x]\nk = 1\n");
  Document document = load(write("main.toml", "include = [\"*.toml\", \"a.toml\", \"./[a-z].toml\"]\n[t.zero]\nk = 1\n"));
  EXPECT_TRUE(document.issues.empty()) << render(document.issues, document.sources);
  EXPECT_EQ(document.sources.size(), 2u);
  EXPECT_EQ(document.root.find("t")->value.entries.size(), 2u);
}

TEST_F(Load, a_name_in_two_files_is_an_error_that_names_both) {
  write("a.toml", "[t.x]\nk = 1\n");
  write("b.toml", "[t.x]\nk = 2\n[t.y]\nk = 1\n");
  Document document = load(write("main.toml", "include = [\"a.toml\", \"b.toml\"]\n"));
  ASSERT_EQ(document.issues.list().size(), 1u);
  const Issue& issue = document.issues.list()[0];
  EXPECT_EQ(document.sources.place(issue.at), (folder_ / "b.toml").string() + ":1:4");
  EXPECT_EQ(issue.note, "first defined at " + (folder_ / "a.toml").string() + ":1:4");
}

TEST_F(Load, a_key_that_is_defined_twice_hides_nothing) {
  Document document = load(write("main.toml", "[a]\nk = 1\nk = [2]\n  k = 3   # a comment\n[b]\nl = 1\nb.c = 1\nb.c = 2\n[d]\nlist = [\n  1,\n]\n"));
  std::string places;
  for (const Issue& issue : document.issues.list()) places += document.sources.place(issue.at).substr(document.sources[0].path.size()) + " ";
  EXPECT_EQ(places, ":3:1 :4:3 :8:1 ");
  EXPECT_TRUE(document.complete);
  EXPECT_EQ(document.root.find("a")->value.find("k")->value.integer, 1);
  EXPECT_EQ(document.root.find("d")->value.find("list")->at, (Position{0, 10, 1, 4}));
}

// A second value that goes on over lines, a table that may hold what the first one lacks, and more than anybody reads.
TEST_F(Load, what_else_is_defined_twice_ends_the_reading) {
  for (const char* text : {"[a]\nk = 1\nk = [\n  2,\n]\n[a]\n", "[a]\nk = 1\n[b]\n[a]\nl = 1\nl = 2\n", "a = { k = 1, k = 2 }\na = 1\n",
                           "a = { k = 1 }\na.l = 1\na = 1\n"}) {
    Document document = load(write("main.toml", text));
    EXPECT_EQ(document.issues.list().size(), 1u) << text;
    EXPECT_FALSE(document.complete) << text;
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += "k = 1\n";
  EXPECT_EQ(load(write("many.toml", many)).issues.list().size(), 21u);
}

TEST_F(Load, every_broken_file_is_reported) {
  write("a.toml", "x = \n");
  write("b.toml", "[\n");
  Document document =
      load(write("main.toml", "include = [\"a.toml\", \"b.toml\", \"none.toml\"]\n"));
  EXPECT_EQ(document.issues.count(Severity::error), 3u);
  EXPECT_FALSE(document.complete);
}

TEST_F(Load, a_main_file_that_is_not_there_is_named) {
  Document document = load((folder_ / "none.toml").string());
  ASSERT_EQ(document.issues.list().size(), 1u);
  EXPECT_NE(render(document.issues, document.sources).find("none.toml: error: cannot read"),
            std::string::npos);
  EXPECT_FALSE(document.complete);
}

TEST(Environment, fills_in_strings) {
  struct Case {
    const char* text;
    const char* value;
  };
  for (const Case& c : {Case{"plain", "plain"},
                        {"${HOST}", "example.com"},
                        {"a-${HOST}-b", "a-example.com-b"},
                        {"${NONE:-default}", "default"},
                        {"${NONE:-}", ""},
                        {"${EMPTY:-x}", ""},
                        {"$$", "$"},
                        {"$${HOST}", "${HOST}"},
                        {"${HOST}${HOST}", "example.comexample.com"},
                        {"${NONE:-a:-b}", "a:-b"}}) {
    Document document = load_text("test.toml", std::string("k = '") + c.text + "'\n", environment);
    EXPECT_TRUE(document.issues.empty()) << c.text;
    EXPECT_EQ(text_of(document, "k"), c.value) << c.text;
  }
}

TEST(Environment, what_is_unset_or_malformed_is_an_error) {
  for (const char* text :
       {"${NONE}", "$", "$x", "${", "${}", "${1A}", "${A B}", "a${HOST", "$$$"}) {
    Document document = load_text("test.toml", std::string("k = '") + text + "'\n", environment);
    EXPECT_EQ(document.issues.count(Severity::error), 1u) << text;
    EXPECT_TRUE(document.root.find("k")->value.broken) << text;
  }
}

TEST(Environment, what_it_puts_in_is_not_looked_at_again) {
  Document document = load_text("test.toml", "k = '${NONE:-$$}'\n", environment);
  EXPECT_EQ(text_of(document, "k"), "$$");
}

TEST(LoadText, a_second_definition_is_an_issue_wherever_toml_says_it_is) {
  for (const char* text :
       {"a = 1\na = 2\n", "a = 1\n[a.b]\n\n", "a = 1\n[a.b]\n\nx", "a = {b = 1}\na.c = 2\n",
        "[a]\n[[a]]\n", "a = 1\n[a.b]\n\n\taddre0\xd7\x01", "\"a\" = 1\n \t a = 2"}) {
    EXPECT_EQ(load_text("test.toml", text).issues.count(Severity::error), 1u) << text;
  }
}

TEST(LoadText, deep_nesting_is_refused_before_it_costs_stack) {
  std::string dots = "a";
  for (int i = 0; i < 100'000; ++i) dots += ".a";
  for (const std::string& text : {dots + " = 1", "[" + dots + "]", "x = { " + dots + " = 1 }",
                                  "x = " + std::string(100'000, '[')}) {
    EXPECT_EQ(load_text("test.toml", text).issues.count(Severity::error), 1u);
  }
}

TEST(LoadText, hostile_bytes_are_printed_safely) {
  Document document = load_text("test.toml", "k = \"\x1b[2J\"\n");
  std::string text = render(document.issues, document.sources);
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
