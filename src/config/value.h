// One value of a configuration file with its place: what a TOML file says, before it means
// anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace sluice::config {

struct Entry;

struct Value {
  enum class Kind : uint8_t { string, integer, real, boolean, date, list, table };

  Kind kind = Kind::table;
  bool boolean = false;
  bool broken = false;  // already reported: whatever it is read as, nothing more is said
  int64_t integer = 0;
  Position at;
  std::string text;            // a string's text; a real's or date's spelling
  std::vector<Value> items;    // of a list
  std::vector<Entry> entries;  // of a table, sorted by name

  bool is_table() const { return kind == Kind::table; }
  /// gives: the entry of that name in this table, or nullptr
  const Entry* find(std::string_view name) const;
};

struct Entry {
  std::string name;
  Position at;  // of the key
  Value value;
};

/// For messages: `the integer 5`, `the string "x"`, `a table`.
std::string describe(const Value& value);

/// A string as TOML writes it.
std::string toml_string(std::string_view text);
/// A key as TOML writes it: bare where it can be.
std::string toml_key(std::string_view name);

}  // namespace sluice::config
