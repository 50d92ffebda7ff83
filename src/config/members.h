// What configuration structs are made of beside numbers and strings: plain values that keep their
// places.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace sluice::config {

/// A value with its place, for checks that come later.
template <class T>
struct Placed {
  T value{};
  Position at;
};

/// One named value of a map, in the order of names.
template <class T>
struct Item {
  std::string name;
  Position at;  // of the name
  T value{};
};
template <class T>
using Map = std::vector<Item<T>>;

/// A [table.NAME].
template <class T>
struct Section {
  std::string name;
  Position at;
  /// Of its own table and of those it names: two snapshots share a part whose fingerprint is the
  /// same.
  uint64_t fingerprint = 0;
  bool sound = false;  // nothing was wrong inside
  T value{};
};
template <class T>
using Sections = std::vector<Section<T>>;

/// A file: relative paths are relative to the file that names them.
struct FilePath {
  std::string path;
  Position at;
  bool empty() const { return path.empty(); }
};

/// A literal as template argument.
template <size_t N>
struct Literal {
  char text[N]{};
  constexpr Literal(const char (&from)[N]) { std::copy_n(from, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

/// The name of a [Table.NAME]; that it exists is checked when all files are read.
template <Literal Table>
struct Reference {
  std::string name;
  Position at;
  bool empty() const { return name.empty(); }
};

}  // namespace sluice::config
