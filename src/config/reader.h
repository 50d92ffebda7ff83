// Gives a tree of Values its meaning: fills structs by their field lists, and collects what is
// wrong.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/field.h"
#include "config/issue.h"

namespace sluice::config {

class Reader {
 public:
  /// `root` is the whole format: where a key that stands in the wrong table belongs is looked up in
  /// it.
  Reader(const Sources& sources, Issues& issues, const Type& root)
      : sources_(sources), issues_(issues), root_(root) {}

  /// Fills `object` from a table; unknown and missing keys are issues.
  void read_table(const Value& table, const Type& type, void* object);

  const Sources& sources() const { return sources_; }
  Issues& issues() { return issues_; }
  /// Errors, and values that could not be read because of one; grows as reading goes on.
  size_t faults() const { return issues_.count(Severity::error) + skipped_; }
  /// For texts: [route.orders], [listen.public] timeout.
  std::string table_name() const;
  /// Name of the section being read, for the names of tables and maps.
  void enter(std::string_view name) { path_.push_back(name); }
  void leave() { path_.pop_back(); }

  // What the Types of types.h find.
  void wrong_type(const Value& value, const Field& field);
  /// `offset`: of the first bad byte in the text, for the caret
  void bad_text(const Value& value, const Field& field, size_t offset, std::string why);
  void missing_unit(const Value& value, const Field& field, std::string hint);
  void out_of_range(const Value& value, const Field& field, std::string range);
  void unknown_choice(const Value& value, const Field& field,
                      std::span<const std::string_view> choices);
  /// gives: true, with an issue, when it is a key of a section, and the section's name was forgotten
  bool lacks_name(const Entry& entry, const Type& section);
  /// gives: false, with an issue, when it is no name of a section
  bool check_name(const Entry& entry);
  /// gives: false, with an issue, when there are too many
  bool check_count(const Value& value, size_t count);

 private:
  bool skips(const Value& value);
  void unknown_key(const Entry& entry, std::span<const Field> fields);
  bool is_dotted_name(const Entry& entry, std::span<const Field> fields) const;

  const Sources& sources_;
  Issues& issues_;
  const Type& root_;
  std::vector<std::string_view> path_;
  size_t skipped_ = 0;
};

/// Names of sections: what goes into logs, metrics and references.
inline constexpr size_t kNameBytesMax = 64;
/// Elements of one list or map: above any real one, bounds what a hostile file can make us build.
inline constexpr size_t kElementsMax = 100'000;

}  // namespace sluice::config
