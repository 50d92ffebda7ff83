// Requirement A10: a good file, broken in one place at a time. Each mutant is refused at the right
// line, and mistyped keys get the right suggestion in at least 95 %.
#include <gtest/gtest.h>

#include <cctype>
#include <sstream>

#include "snapshot/config.h"
#include "unit/snapshot/config_workspace.h"

namespace sluice::snapshot {
namespace {

struct Assignment {
  size_t line;  // index
  std::string key;
  size_t key_at;
  size_t value_at;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// `key = value` lines; keys inside inline tables are not among them.
std::vector<Assignment> assignments(const std::vector<std::string>& lines) {
  std::vector<Assignment> out;
  for (size_t i = 0; i < lines.size(); ++i) {
    size_t equals = lines[i].find(" = ");
    if (lines[i].empty() || lines[i][0] == '#' || lines[i][0] == '[' || equals == std::string::npos)
      continue;
    std::string key = lines[i].substr(0, lines[i].find(' '));
    out.push_back({i, key, 0, equals + 3});
  }
  return out;
}

std::vector<std::string> mistyped(const std::string& key) {
  std::vector<std::string> out;
  for (size_t i = 0; i < key.size(); ++i) {
    if (key.size() > 2) out.push_back(key.substr(0, i) + key.substr(i + 1));
    if (i + 1 < key.size() && key[i] != key[i + 1]) {
      std::string swapped = key;
      std::swap(swapped[i], swapped[i + 1]);
      out.push_back(swapped);
    }
    out.push_back(key.substr(0, i) + "x" + key.substr(i));
    std::string replaced = key;
    replaced[i] = key[i] == 'q' ? 'z' : 'q';
    out.push_back(replaced);
  }
  return out;
}

class ConfigMutation : public testing::Test {
 protected:
  ConfigMutation() : lines_(lines_of(read_text(ConfigWorkspace::golden() / "good.toml"))) {}

  LoadedConfig load(const std::vector<std::string>& lines) {
    return load_config_text((workspace_.folder() / "good.toml").string(), text_of(lines));
  }

  // Some error stands on that line (1-based).
  static const config::Issue* error_on(const LoadedConfig& loaded, size_t line) {
    for (const config::Issue& issue : loaded.document.issues.list()) {
      if (issue.at.line == line && issue.kind.severity == config::Severity::error) return &issue;
    }
    return nullptr;
  }

  void expect_refused(size_t line, const std::string& value, size_t value_at) {
    std::vector<std::string> mutant = lines_;
    mutant[line] = mutant[line].substr(0, value_at) + value;
    LoadedConfig loaded = load(mutant);
    EXPECT_NE(error_on(loaded, line + 1), nullptr) << mutant[line] << "\n" << loaded.issues_text();
  }

  ConfigWorkspace workspace_;
  std::vector<std::string> lines_;
};

TEST_F(ConfigMutation, the_good_file_is_good) {
  LoadedConfig loaded = load(lines_);
  EXPECT_EQ(loaded.issues_text(), "");
}

TEST_F(ConfigMutation, mistyped_keys_are_found_and_suggested) {
  size_t all = 0, suggested = 0;
  std::string missed;
  for (const Assignment& assignment : assignments(lines_)) {
    for (const std::string& typo : mistyped(assignment.key)) {
      std::vector<std::string> mutant = lines_;
      mutant[assignment.line].replace(0, assignment.key.size(), typo);
      LoadedConfig loaded = load(mutant);
      const config::Issue* issue = error_on(loaded, assignment.line + 1);
      ASSERT_NE(issue, nullptr) << mutant[assignment.line] << "\n" << loaded.issues_text();
      ++all;
      bool right = issue->hint == "did you mean \"" + assignment.key + "\"?";
      suggested += right ? 1 : 0;
      if (!right) missed += typo + " for " + assignment.key + ": " + issue->hint + "\n";
    }
  }
  EXPECT_GT(all, 1'000u);
  EXPECT_GE(static_cast<double>(suggested), 0.95 * static_cast<double>(all)) << missed;
}

TEST_F(ConfigMutation, mistyped_tables_are_found_at_their_line) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].empty() || lines_[i][0] != '[' || lines_[i][1] == '[') continue;
    std::vector<std::string> mutant = lines_;
    mutant[i].insert(2, "q");
    LoadedConfig loaded = load(mutant);
    EXPECT_NE(error_on(loaded, i + 1), nullptr) << mutant[i] << "\n" << loaded.issues_text();
  }
}

TEST_F(ConfigMutation, wrong_types_are_found_at_their_line) {
  for (const Assignment& assignment : assignments(lines_)) {
    for (const char* value : {"12.5", "2027-01-31", "[[1]]", "{ zzz = 1 }"}) {
      expect_refused(assignment.line, value, assignment.value_at);
    }
  }
}

TEST_F(ConfigMutation, dropped_units_are_found_at_their_line) {
  size_t dropped = 0;
  for (const Assignment& assignment : assignments(lines_)) {
    std::string value = lines_[assignment.line].substr(assignment.value_at);
    bool has_unit = value.size() > 3 && value[0] == '"' && std::isdigit(value[1]) &&
                    std::isalpha(value[value.size() - 2]);
    if (!has_unit || value.find('.') != std::string::npos || value.find(':') != std::string::npos)
      continue;
    ++dropped;
    std::string number = std::to_string(std::stoi(value.substr(1)));
    expect_refused(assignment.line, number, assignment.value_at);
    expect_refused(assignment.line, "\"" + number + "\"", assignment.value_at);
  }
  EXPECT_GE(dropped, 14u);
}

TEST_F(ConfigMutation, dropped_lines_and_broken_syntax_never_crash) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    std::vector<std::string> mutant = lines_;
    mutant.erase(mutant.begin() + static_cast<long>(i));
    load(mutant);
    for (size_t at = 0; at < lines_[i].size(); at += 3) {
      mutant = lines_;
      mutant[i].insert(at, "\"");
      EXPECT_TRUE(mutant[i][0] == '#' || load(mutant).has_errors() || mutant[i].find('#') < at)
          << mutant[i];
    }
  }
}

}  // namespace
}  // namespace sluice::snapshot
