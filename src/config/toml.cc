#include "config/toml.h"

#include <toml++/toml.h>
#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "config/bracket.h"

namespace sluice::config {

namespace {

constexpr IssueKind kSyntax{"syntax"};
constexpr IssueKind kDefinedTwiceInFile{"defined_twice_in_file"};
constexpr IssueKind kValueExtended{"value_extended"};
constexpr IssueKind kNestedTooDeep{"nested_too_deep"};
constexpr IssueKind kNestedTooDeepInFile{"too_many_dots"};

// Sections go four deep ([route.x.headers.request] with a table); twice that leaves room.
constexpr int kNestingMax = 8;
// Each is another reading of the file.
constexpr int kDefinedTwiceMax = 20;
// toml++ builds one nested table per dot and destroys them recursively: bounds the stack, above any
// real line.
constexpr size_t kDotsPerLineMax = 128;

Position position(const toml::source_region& region, uint32_t file) {
  Position at{file, region.begin.line, region.begin.column, 1};
  if (region.end.line == region.begin.line && region.end.column > region.begin.column) {
    at.width = region.end.column - region.begin.column;
  }
  return at;
}

class Converter {
 public:
  Converter(uint32_t file, Issues& issues) : file_(file), issues_(issues) {}

  Value convert(const toml::node& node, int depth) {
    Value value;
    value.at = position(node.source(), file_);
    if (depth > kNestingMax) {
      issues_.add(kNestedTooDeep, value.at,
                  "tables and lists are nested more than " + std::to_string(kNestingMax) + " deep");
      return value;
    }
    if (const toml::table* table = node.as_table()) {
      for (const auto& [key, child] : *table) {
        Entry entry{std::string(key.str()), position(key.source(), file_),
                    convert(child, depth + 1)};
        value.entries.push_back(std::move(entry));
      }
      // Already by name in toml++, but its order is not promised, and find() counts on it.
      std::sort(value.entries.begin(), value.entries.end(),
                [](const Entry& a, const Entry& b) { return a.name < b.name; });
    } else if (const toml::array* list = node.as_array()) {
      value.kind = Value::Kind::list;
      for (const toml::node& item : *list) value.items.push_back(convert(item, depth + 1));
    } else {
      convert_scalar(node, value);
    }
    return value;
  }

 private:
  void convert_scalar(const toml::node& node, Value& value) {
    if (const auto* text = node.as_string()) {
      value.kind = Value::Kind::string;
      value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
      value.kind = Value::Kind::integer;
      value.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind = Value::Kind::boolean;
      value.boolean = boolean->get();
    } else {
      value.kind = node.is_floating_point() ? Value::Kind::real : Value::Kind::date;
      std::ostringstream spelling;
      node.visit([&](const auto& scalar) {
        if constexpr (toml::is_value<decltype(scalar)>) spelling << scalar.get();
      });
      value.text = spelling.str();
    }
  }

  uint32_t file_;
  Issues& issues_;
};

size_t dots_outside_quotes(std::string_view line) {
  size_t dots = 0;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quote != '\0') {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      break;
    } else if (c == '.') {
      ++dots;
    }
  }
  return dots;
}

bool check_dots(const Sources& sources, uint32_t file, Issues& issues) {
  for (uint32_t line = 1; line <= sources[file].line_starts.size(); ++line) {
    Position at{file, line, 1, 1};
    if (dots_outside_quotes(sources.line(at)) <= kDotsPerLineMax) continue;
    issues.add(kNestedTooDeepInFile, at,
               "more than " + std::to_string(kDotsPerLineMax) + " dots outside quotes in one line");
    return false;
  }
  return true;
}

// The part of a line that names something: "[a.b]" or the key before "=".
std::string_view name_part(std::string_view line) {
  line = trim_ows(line);
  size_t end = line.starts_with('[') ? line.find(']') : line.find('=');
  return end == std::string_view::npos ? line : trim_ows(line.substr(0, end));
}

// toml++ says only where the second definition is; the first stands above, spelled the same.
Position first_definition(const Sources& sources, Position second) {
  std::string_view name = name_part(sources.line(second));
  for (uint32_t line = second.line - 1; line > 0; --line) {
    Position at{second.file, line, 1, 1};
    std::string_view text = sources.line(at);
    if (name_part(text) == name) return at;
    if (!name.starts_with('[') && trim_ows(text).starts_with('[')) break;
  }
  return {};
}

// "a.b" of "[a.b]"; empty for other lines
std::string_view header_name(std::string_view line) {
  std::string_view name = name_part(line);
  if (!name.starts_with('[')) return {};
  while (name.starts_with('[')) name.remove_prefix(1);
  return trim_ows(name);
}

std::string_view header_above(const Sources& sources, Position at) {
  for (; at.line > 0; --at.line) {
    if (std::string_view header = header_name(sources.line(at)); !header.empty()) return header;
  }
  return {};
}

/// A key and the whole value behind it.
struct Assignment {
  std::string_view key;
  Position at;
};

// The line above that gives a value to one of the names that lead to `path`: route.all.match = ... for route.all.match.host.
// Not for names in quotes, which may have dots.
std::optional<Assignment> value_on_the_way(const Sources& sources, Position second, std::string_view path) {
  std::string_view header;
  for (Position at{second.file, 1, 1, 1}; at.line < second.line; ++at.line) {
    std::string_view line = sources.line(at);
    if (std::string_view found = header_name(line); !found.empty()) header = found;
    std::string_view key = name_part(line);
    if (key.empty() || key.starts_with('[') || key.size() == trim_ows(line).size()) continue;
    std::string whole = (header.empty() ? "" : std::string(header) + ".") + std::string(key);
    bool leads = path.starts_with(whole) && (path.size() == whole.size() || path[whole.size()] == '.');
    if (!leads) continue;
    at.column = static_cast<uint32_t>(key.data() - line.data() + 1);
    return Assignment{key, at};
  }
  return std::nullopt;
}

// toml++ calls it "defined twice" too when a table or a dotted key goes on into a value. gives: false when it is something else
bool add_extended_issue(const Sources& sources, Position at, std::string_view name, Issues& issues) {
  std::string_view header = name.starts_with('[') ? std::string_view() : header_above(sources, at);
  std::string own(name.starts_with('[') ? header_name(sources.line(at)) : name);
  std::optional<Assignment> value =
      value_on_the_way(sources, at, (header.empty() ? "" : std::string(header) + ".") + own);
  if (!value || value->key == name) return false;
  issues.add(kValueExtended, at, quoted(own) + " adds to " + quoted(value->key) + ", which has its value already").note =
      "given at " + sources.place(value->at) + "; write all of it there: a table in braces is not added to";
  return true;
}

// gives: false when the line names nothing (toml++ may point at the end of a value)
bool add_twice_issue(const Sources& sources, Position at, Issues& issues) {
  std::string_view line = sources.line(at);
  std::string_view name = name_part(line);
  if (name.empty()) return false;
  at.column = static_cast<uint32_t>(name.data() - line.data() + 1);
  at.width = static_cast<uint32_t>(name.size() + (name.starts_with('[') ? 1 : 0));
  Position first = first_definition(sources, at);
  if (first.line == 0 && add_extended_issue(sources, at, name, issues)) return true;
  while (name.starts_with('[')) name.remove_prefix(1);
  Issue& issue = issues.add(kDefinedTwiceInFile, at, quoted(name) + " is defined twice");
  if (first.line > 0) issue.note = "first defined at " + sources.place(first);
  return true;
}

// Of a key in braces, toml++ says its name and where its second value begins; of a dotted one, where that begins itself.
// gives: false when it is not in braces
bool add_twice_in_braces_issue(const Sources& sources, Position at, std::string_view what, Issues& issues) {
  std::optional<Bracket> open = open_bracket(sources[at.file], at);
  if (!open || open->kind != '{') return false;
  std::string_view line = sources.line(at);
  size_t column = std::min<size_t>(at.column - 1, line.size());
  std::string_view name = name_part(line.substr(column));
  bool dotted = what.ends_with("as dotted key-value pair");
  if (!dotted) {
    size_t begin = what.find('\'') + 1;
    name = what.substr(begin, what.rfind('\'') - begin);
    column = line.substr(0, column).rfind(name);
  }
  if (column != std::string_view::npos) at.column = static_cast<uint32_t>(column + 1);
  at.width = static_cast<uint32_t>(name.size());
  Issue& issue = dotted ? issues.add(kValueExtended, at, quoted(name) + " adds to what has its value already")
                        : issues.add(kDefinedTwiceInFile, at, quoted(name) + " is defined twice");
  issue.note = "within the braces at " + sources.place(open->at);
  return true;
}

// A list goes on over lines: one without its bracket is noticed further down.
std::string note_of_list(const Sources& sources, Position at, std::string_view what) {
  if (!what.starts_with("Error while parsing array")) return "";
  std::optional<Bracket> open = open_bracket(sources[at.file], at);
  return open && open->at.line < at.line ? "the list begins at " + sources.place(open->at) : "";
}

// gives: the line of what is defined twice, outside braces; 0 when it is something else
uint32_t add_syntax_issue(const Sources& sources, uint32_t file, const toml::parse_error& error,
                          Issues& issues) {
  Position at = position(error.source(), file);
  std::string_view what = error.description();
  bool twice = what.find("redefine") != std::string_view::npos || what.find("into existing inline table") != std::string_view::npos;
  // Where a value stands in the way of a header, toml++ has read on to the next line.
  bool header = twice && what.find("table header") != std::string_view::npos;
  while (header && at.line > 1 && header_name(sources.line(at)).empty()) --at.line;
  if (twice && !header && at.line > 0 && add_twice_in_braces_issue(sources, at, what, issues)) return 0;
  if (twice && at.line > 0 && add_twice_issue(sources, at, issues)) return at.line;
  std::string text = printable(what, 200);
  if (text.find("unescaped control characters") != std::string::npos &&
      at.column > sources.line(at).size()) {
    text =
        "a string is not closed before the end of the line";  // what toml++ means by a raw newline
  }
  if (text.starts_with("Error while parsing "))
    text = text.substr(sizeof("Error while parsing ") - 1);
  issues.add(kSyntax, at, "not TOML: " + text).note = note_of_list(sources, at, what);
  return 0;
}

// Blanks a key and its value: the table has it from the first definition. gives: false when the line is no TOML by itself,
// so that nobody knows where the value ends, or is a header, whose table may hold what the first one lacks
bool take_out(const Sources& sources, Position at, std::string& text) {
  std::string_view line = sources.line(at);
  if (trim_ows(line).starts_with('[') || first_definition(sources, at).line == 0) return false;
  try {
    static_cast<void>(toml::parse(line));
  } catch (const toml::parse_error&) {
    return false;
  }
  text.replace(sources[at.file].line_starts[at.line - 1], line.size(), line.size(), ' ');
  return true;
}

}  // namespace

std::optional<Value> parse_toml(const Sources& sources, uint32_t file, Issues& issues) {
  if (!check_dots(sources, file, issues)) return std::nullopt;
  std::string rest;   // without keys that are defined twice, so that one run finds the other mistakes too
  std::string_view text = sources[file].text;
  for (int left = kDefinedTwiceMax;; --left) {
    try {
      toml::table root = toml::parse(text);
      return Converter(file, issues).convert(root, 0);
    } catch (const toml::parse_error& error) {
      uint32_t twice = add_syntax_issue(sources, file, error, issues);
      if (twice == 0 || left == 0) return std::nullopt;
      if (rest.empty()) rest = text;
      if (!take_out(sources, {file, twice, 1, 1}, rest)) return std::nullopt;
      text = rest;
    }
  }
}

}  // namespace sluice::config
