#include "config/issue.h"

#include <algorithm>
#include <climits>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "config/secret_text.h"

namespace sluice::config {

namespace {

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::unchecked:
      return "not checked";
    case Severity::warning:
      return "warning";
  }
  return "error";
}

constexpr size_t kLineShownMax = 160;  // characters of a source line that fit a terminal

// The source line under its number, and carets under the place.
void render_line(const Issue& issue, std::string_view line, std::string& out) {
  std::string number = std::to_string(issue.at.line);
  std::string margin = number.size() < 5 ? std::string(5 - number.size(), ' ') : "";
  out += margin + number + " | ";
  for (char c : line.substr(0, kLineShownMax)) {
    bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += c == '\t' ? ' ' : control ? '?' : c;
  }
  out += '\n';
  if (issue.at.column == 0 || issue.at.column > kLineShownMax) return;
  size_t column = issue.at.column - 1;
  size_t room = line.size() > column ? std::min(line.size(), kLineShownMax) - column : 1;
  out += std::string(std::max<size_t>(number.size(), 5), ' ') + " | " + std::string(column, ' ');
  out += std::string(std::clamp<size_t>(issue.at.width, 1, std::max<size_t>(room, 1)), '^');
  if (!issue.hint.empty()) out += " " + issue.hint;
  out += '\n';
}

}  // namespace

Issue& Issues::add(const IssueKind& kind, Position at, std::string text) {
  ++counts_[static_cast<size_t>(kind.severity)];
  if (list_.size() == kKeptMax) {
    beyond_ = Issue{kind, at, std::move(text), {}, {}};
    return beyond_;
  }
  return list_.emplace_back(Issue{kind, at, std::move(text), {}, {}});
}

void Issues::raise_unchecked() {
  size_t& unchecked = counts_[static_cast<size_t>(Severity::unchecked)];
  counts_[static_cast<size_t>(Severity::error)] += std::exchange(unchecked, 0);
  for (Issue& issue : list_) {
    if (issue.kind.severity == Severity::unchecked) issue.kind.severity = Severity::error;
  }
}

void Issues::conceal(Position at) {
  for (Issue& issue : list_) {
    if (issue.at.file == at.file && issue.at.line == at.line) issue.concealed = true;
  }
}

void Issues::sort() {
  std::stable_sort(list_.begin(), list_.end(), [](const Issue& a, const Issue& b) {
    return std::tie(a.at.file, a.at.line, a.at.column) <
           std::tie(b.at.file, b.at.line, b.at.column);
  });
  for (const Issue& issue : list_) {
    if (issue.concealed) conceal(issue.at);
  }
}

std::string render(const Issue& issue, const Sources& sources) {
  std::string out = sources.place(issue.at) + ": ";
  out += std::string(severity_name(issue.kind.severity)) + ": " + issue.text + "\n";
  std::string_view line = issue.concealed ? std::string_view() : sources.line(issue.at);
  if (holds_secret(line)) line = {};
  if (!line.empty()) render_line(issue, line, out);
  bool hint_shown = !line.empty() && issue.at.column > 0 && issue.at.column <= kLineShownMax;
  if (!issue.hint.empty() && !hint_shown) out += "      = " + issue.hint + "\n";
  if (!issue.note.empty()) out += "      = " + issue.note + "\n";
  return out;
}

std::string render(const Issues& issues, const Sources& sources) {
  std::string out;
  for (const Issue& issue : issues.list()) out += render(issue, sources);
  size_t all = issues.count(Severity::error) + issues.count(Severity::unchecked) +
               issues.count(Severity::warning);
  if (all > issues.list().size()) {
    out += "... and " + std::to_string(all - issues.list().size()) + " more\n";
  }
  return out;
}

std::string quoted(std::string_view name) {
  return holds_secret(name) ? "\"***\"" : "\"" + printable(name) + "\"";
}

std::string quoted_path(std::string_view path) {
  return "\"" + printable(path, PATH_MAX) + "\"";
}

}  // namespace sluice::config
