// The configuration that the documents show is configuration that this version takes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "snapshot/config.h"

namespace sluice::proxy {
namespace {

namespace fs = std::filesystem;

struct Block {
  fs::path file;
  std::string text;
};

std::string read_text(const fs::path& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The ```toml blocks of one Markdown file.
void add_blocks(const fs::path& file, std::vector<Block>& blocks) {
  std::string all = read_text(file);
  constexpr std::string_view kBegin = "\n```toml\n";
  for (size_t at = all.find(kBegin); at != std::string::npos; at = all.find(kBegin, at)) {
    at += kBegin.size();
    blocks.push_back({file, all.substr(at, all.find("\n```", at) + 1 - at)});
  }
}

std::vector<Block> documented_blocks() {
  std::vector<Block> blocks;
  add_blocks(SLUICE_SOURCE_DIR "/README.md", blocks);
  for (const auto& entry : fs::recursive_directory_iterator(SLUICE_SOURCE_DIR "/docs")) {
    if (entry.path().extension() == ".md") add_blocks(entry.path(), blocks);
  }
  return blocks;
}

/// Certificates and secrets that are not there, and in a fragment the sections that it leaves out.
bool is_left_out(const config::Issue& issue, bool fragment) {
  std::string_view kind = issue.kind.name;
  if (kind.ends_with("_unreadable") || issue.kind.severity == config::Severity::unchecked) return true;
  return fragment && (kind == "unknown_name" || kind == "no_listener");
}

TEST(Documents, show_configuration_that_is_accepted) {
  std::vector<Block> blocks = documented_blocks();
  EXPECT_GE(blocks.size(), 2U);
  for (const Block& block : blocks) {
    bool fragment = !block.text.starts_with("sluice = ");
    auto loaded = snapshot::load_config_text(block.file.string(),
                                             (fragment ? "sluice = 1\n" : "") + block.text);
    for (const config::Issue& issue : loaded.document.issues.list()) {
      if (is_left_out(issue, fragment)) continue;
      ADD_FAILURE() << config::render(issue, loaded.document.sources) << "in:\n" << block.text;
    }
  }
}

std::vector<fs::path> pages() {
  const fs::path root = SLUICE_SOURCE_DIR;
  std::vector<fs::path> out;
  for (const fs::path& folder : {root, root / "docs", root / "docs/adr", root / "docs/guides"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".md") out.push_back(entry.path());
    }
  }
  return out;
}

/// What stands between each `begin` and the next character of `ends`.
std::vector<std::string> between(const std::string& text, std::string_view begin,
                                 const char* ends) {
  std::vector<std::string> out;
  for (size_t at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    out.push_back(text.substr(at, text.find_first_of(ends, at) - at));
  }
  return out;
}

TEST(Documents, link_only_to_files_that_are_there) {
  for (const fs::path& page : pages()) {
    for (const std::string& target : between(read_text(page), "](", ")#")) {
      if (target.empty() || target.find("://") != target.npos) continue;
      EXPECT_TRUE(fs::exists(page.parent_path() / target)) << page << " links to " << target;
    }
  }
}

TEST(Documents, name_only_files_that_are_there) {
  for (const fs::path& page : pages()) {
    std::string text = read_text(page);
    for (std::string_view folder : {"src/", "tests/", "packaging/", "docs/", "conf/"}) {
      for (const std::string& rest : between(text, "`" + std::string(folder), "`\n")) {
        std::string name = std::string(folder) + rest;
        if (name.find_first_of("*{ ABCDEFGHIJKLMNOPQRSTUVWXYZ") != name.npos)
          continue;  // a pattern
        EXPECT_TRUE(fs::exists(fs::path(SLUICE_SOURCE_DIR) / name)) << page << " names " << name;
      }
    }
  }
}

// A followed request passes at most 14 files.
TEST(Documents, tour_makes_at_most_fourteen_stops) {
  std::string page = read_text(SLUICE_SOURCE_DIR "/docs/tour.md");
  std::set<std::string> files;
  for (const std::string& stop : between(page, "\n**", "*")) {  // 1. `src/net/tcp.cc`
    std::vector<std::string> names = between(stop, "`", "`");
    ASSERT_FALSE(names.empty()) << stop;
    EXPECT_TRUE(files.insert(names[0]).second) << names[0] << " comes twice";
    EXPECT_TRUE(stop.starts_with(std::to_string(files.size()) + ". ")) << stop;
  }
  EXPECT_GE(files.size(), 10U);
  EXPECT_LE(files.size(), 14U);
}

}  // namespace
}  // namespace sluice::proxy
