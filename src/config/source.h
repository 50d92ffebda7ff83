// The texts that a configuration was read from, and places in them. Knows nothing of TOML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// Where something stands. Line 0 means the file as a whole (or nowhere, while file is 0 too).
struct Position {
  uint32_t file = 0;    // index into Sources
  uint32_t line = 0;    // from 1
  uint32_t column = 0;  // from 1, in characters
  uint32_t width = 1;   // characters that a caret line underlines

  friend bool operator==(const Position&, const Position&) = default;
};

struct Source {
  std::string path;  // as shown to people
  std::string text;
  std::vector<uint32_t> line_starts;  // offsets into text
};

class Sources {
 public:
  /// gives: the file's index
  uint32_t add(std::string path, std::string text);
  size_t size() const { return sources_.size(); }
  const Source& operator[](uint32_t file) const { return sources_[file]; }
  /// gives: the line without its end, or empty when there is none
  std::string_view line(Position at) const;
  /// gives: "file:line:col", "file" where there is no line
  std::string place(Position at) const;
  /// `path` as seen from the file that names it: relative paths are relative to that file.
  std::string resolve(uint32_t file, std::string_view path) const;
  /// The same from the root on, so that a value means the same whatever the file itself was called by, and from where.
  std::string absolute(uint32_t file, std::string_view path) const;

 private:
  std::vector<Source> sources_;
};

}  // namespace sluice::config
