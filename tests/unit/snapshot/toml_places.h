// Where the keys and values of a good TOML file stand, so that a test can break each of them. Reads only what our own
// good files use: a value ends on the line it begins on, strings are in double quotes, keys are bare.
#pragma once

#include <cctype>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::snapshot {

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// `key = value`, at the beginning of a line or within braces. Offsets are bytes of the line.
struct Assignment {
  size_t line;         // index
  std::string table;   // that the key stands in: "route.orders.match"
  std::string key;
  size_t key_at;
  size_t value_at;
  size_t value_end;
  bool in_braces;
};

class TomlPlaces {
 public:
  /// Every assignment of the file, outer before inner.
  static std::vector<Assignment> assignments(const std::vector<std::string>& lines) {
    TomlPlaces places;
    std::string table;
    for (size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      if (line.empty() || line[0] == '#') continue;
      if (line[0] == '[') {
        size_t begin = line.find_first_not_of('[');
        table = line.substr(begin, line.find(']') - begin);
        continue;
      }
      places.line_ = i;
      places.text_ = line;
      places.at_ = 0;
      places.read_assignment(table);
    }
    return places.found_;
  }

 private:
  void read_assignment(const std::string& table) {
    bool in_braces = at_ > 0;
    size_t key_at = at_;
    while (text_[at_] != ' ') ++at_;
    std::string key = text_.substr(key_at, at_ - key_at);
    while (text_[at_] == ' ' || text_[at_] == '=') ++at_;
    size_t place = found_.size();
    found_.push_back({line_, table, key, key_at, at_, 0, in_braces});
    read_value(table.empty() ? key : table + "." + key);
    found_[place].value_end = at_;
  }

  void read_value(const std::string& name) {
    char first = text_[at_];
    if (first == '"') {
      at_ = text_.find('"', at_ + 1) + 1;
    } else if (first == '[' || first == '{') {
      ++at_;
      while (true) {
        while (text_[at_] == ' ' || text_[at_] == ',') ++at_;
        if (text_[at_] == ']' || text_[at_] == '}') break;
        if (first == '{') read_assignment(name);
        else read_value(name);
      }
      ++at_;
    } else {
      while (at_ < text_.size() && std::string_view(" ,]}").find(text_[at_]) == std::string_view::npos) ++at_;
    }
  }

  std::vector<Assignment> found_;
  std::string text_;
  size_t line_ = 0, at_ = 0;
};

}  // namespace sluice::snapshot
