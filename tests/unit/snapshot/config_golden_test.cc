// Every error text: tests/golden/config/NAME.toml gives NAME.expected, and each IssueKind of the
// source is there. With SLUICE_UPDATE_GOLDEN=1 the expected files are written anew, to be read
// before they are kept.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "snapshot/config.h"
#include "unit/snapshot/config_workspace.h"

namespace sluice::snapshot {
namespace {

std::optional<std::string> no_environment(std::string_view) {
  return std::nullopt;
}

// As a user that may not read everything: root may.
class Unprivileged {
 public:
  Unprivileged() : dropped_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  ~Unprivileged() {
    if (dropped_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool dropped_;
};

LoadedConfig load_unprivileged(const std::string& path) {
  Unprivileged unprivileged;
  LoadOptions options;
  options.environment = no_environment;
  return load_config(path, options);
}

std::set<std::string> golden_names() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(ConfigWorkspace::golden())) {
    if (entry.path().extension() == ".toml") names.insert(entry.path().stem().string());
  }
  return names;
}

// The names in `constexpr IssueKind kName{"name"...` of one file.
void collect_kinds(const std::string& text, std::set<std::string>& kinds) {
  const std::string declaration = "constexpr IssueKind k";
  for (size_t at = text.find(declaration); at != std::string::npos;
       at = text.find(declaration, at + 1)) {
    size_t begin = text.find('"', at) + 1;
    std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(kinds.insert(name).second) << "two kinds are named " << name;
  }
}

std::set<std::string> kinds_in_source() {
  std::set<std::string> kinds;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(SLUICE_SOURCE_DIR) + "/src")) {
    if (entry.path().extension() == ".cc" || entry.path().extension() == ".h")
      collect_kinds(read_text(entry.path()), kinds);
  }
  return kinds;
}

TEST(ConfigGolden, every_issue_has_its_text_and_every_kind_is_shown) {
  ConfigWorkspace workspace;
  bool update = std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr;
  std::set<std::string> seen;
  for (const std::string& name : golden_names()) {
    std::string path = (workspace.folder() / (name + ".toml")).string();
    LoadedConfig loaded = load_unprivileged(path);
    for (const config::Issue& issue : loaded.document.issues.list())
      seen.insert(std::string(issue.kind.name));
    std::string text = workspace.without_folder(loaded.issues_text());
    std::filesystem::path expected = ConfigWorkspace::golden() / (name + ".expected");
    if (update) write_text(expected, text);
    EXPECT_EQ(text, read_text(expected)) << name;
  }
  EXPECT_EQ(seen, kinds_in_source());
}

TEST(ConfigGolden, what_is_not_checked_is_an_error_for_the_service) {
  ConfigWorkspace workspace;
  Unprivileged unprivileged;
  LoadOptions options;
  options.asker = Asker::service;
  std::string path = (workspace.folder() / "key_denied.toml").string();
  LoadedConfig anyone = load_config(path);
  EXPECT_FALSE(anyone.has_errors());
  EXPECT_EQ(anyone.document.issues.count(config::Severity::unchecked), 1u);
  EXPECT_TRUE(load_config(path, options).has_errors());
}

TEST(ConfigGolden, warnings_stop_nothing) {
  ConfigWorkspace workspace;
  LoadOptions options;
  options.asker = Asker::service;
  for (const char* name : {"certificate_expired.toml", "certificate_not_yet_valid.toml"}) {
    LoadedConfig loaded = load_config((workspace.folder() / name).string(), options);
    EXPECT_FALSE(loaded.has_errors()) << name;
    EXPECT_EQ(loaded.document.issues.count(config::Severity::warning), 1u) << name;
  }
}

}  // namespace
}  // namespace sluice::snapshot
