// What is wrong with a configuration, as values: all of them are collected in one run and printed
// in the order of the files. Each kind is a constexpr IssueKind beside the code that finds it; a
// test holds one golden file against each kind in the source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace sluice::config {

enum class Severity : uint8_t {
  error,
  unchecked,  // only the service's own user or environment can show it
  warning,
};

struct IssueKind {
  std::string_view name;  // stable, snake_case
  Severity severity = Severity::error;
};

struct Issue {
  IssueKind kind;
  Position at;
  std::string text;
  std::string hint;  // short, behind the caret: did you mean "limit"?
  std::string note;  // a line of its own: why, or what to do
  bool concealed = false;  // the source line may hold a secret: it is not shown
};

class Issues {
 public:
  /// More than this are counted, not kept: nobody reads them, and memory stays bounded.
  static constexpr size_t kKeptMax = 1000;

  /// Adds one. gives: the issue, for its hint and note; valid until the next add
  Issue& add(const IssueKind& kind, Position at, std::string text);

  bool empty() const { return list_.empty(); }
  size_t count(Severity severity) const { return counts_[static_cast<size_t>(severity)]; }
  const std::vector<Issue>& list() const { return list_; }
  /// What was not checked becomes an error: the service itself asks.
  void raise_unchecked();
  /// No issue there shows its source line: it holds a credential.
  void conceal(Position at);
  /// Sorts by file and line: the order in which people read. A line that one of them must not show none shows.
  void sort();

 private:
  std::vector<Issue> list_;
  Issue beyond_;
  size_t counts_[3] = {0, 0, 0};
};

/// One issue as people see it: place, text, source line, caret and hint, note. A line that seems to hold a secret is
/// not shown.
std::string render(const Issue& issue, const Sources& sources);
/// All of them, and a line that counts what was not kept.
std::string render(const Issues& issues, const Sources& sources);

/// `"name"` with unprintable bytes escaped, cut when long: for texts of issues. `"***"` for what seems to hold a secret.
std::string quoted(std::string_view name);
/// The same for a file's path, whose end says most: cut only where no system takes it.
std::string quoted_path(std::string_view path);

}  // namespace sluice::config
