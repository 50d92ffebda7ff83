// The configuration that the documents show is configuration that this version takes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
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

/// Certificates that are not there, and in a fragment the sections that it leaves out.
bool is_left_out(const config::Issue& issue, bool fragment) {
  std::string_view kind = issue.kind.name;
  if (kind.ends_with("_unreadable")) return true;
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

TEST(Documents, link_only_to_files_that_are_there) {
  const fs::path root = SLUICE_SOURCE_DIR;
  for (const fs::path& folder : {root, root / "docs", root / "docs/adr"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".md") continue;
      std::string all = read_text(entry.path());
      for (size_t at = all.find("]("); at != std::string::npos; at = all.find("](", at)) {
        at += 2;
        std::string target = all.substr(at, all.find_first_of(")#", at) - at);
        if (target.empty() || target.find("://") != std::string::npos) continue;
        EXPECT_TRUE(fs::exists(folder / target)) << entry.path() << " links to " << target;
      }
    }
  }
}

TEST(Documents, name_only_sources_that_are_there) {
  const fs::path root = SLUICE_SOURCE_DIR;
  const std::regex source("`((src|tests|packaging|docs|conf)/[a-z0-9_/.-]+\\.[a-z]+)`");
  for (const fs::path& folder : {root, root / "docs", root / "docs/adr"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".md") continue;
      std::string page = read_text(entry.path());
      for (std::sregex_iterator i(page.begin(), page.end(), source), end; i != end; ++i) {
        EXPECT_TRUE(fs::exists(root / (*i)[1].str())) << entry.path() << " names " << (*i)[1];
      }
    }
  }
}

// Requirement: a followed request passes at most 14 files.
TEST(Documents, tour_passes_at_most_fourteen_files) {
  std::string page = read_text(SLUICE_SOURCE_DIR "/docs/tour.md");
  const std::regex stop("\\n\\*\\*(\\d+)\\. `(src/[a-z0-9_/]+\\.cc)`\\*\\* ");
  std::set<std::string> files;
  for (std::sregex_iterator i(page.begin(), page.end(), stop), end; i != end; ++i) {
    EXPECT_EQ((*i)[1], std::to_string(files.size() + 1));
    EXPECT_TRUE(fs::exists(fs::path(SLUICE_SOURCE_DIR) / (*i)[2].str())) << (*i)[2];
    files.insert((*i)[2]);
  }
  EXPECT_GE(files.size(), 10U);
  EXPECT_LE(files.size(), 14U);
}

}  // namespace
}  // namespace sluice::proxy
