// Visits every key of a format in order, with its value: `config show`, `config defaults` and the
// reference are three visitors of this one walk. The JSON Schema follows the nesting itself
// (schema.cc).
#pragma once

#include <string>
#include <string_view>

#include "config/field.h"

namespace sluice::config {

struct Leaf {
  std::string key;  // dotted, within its table: timeout.header
  const Field& field;
  const void* member;  // the value, of field.type
  const Value* from;   // what the file says; nullptr: the default

  /// As TOML; empty when not set.
  std::string text() const;
};

class LeafVisitor {
 public:
  virtual ~LeafVisitor() = default;
  /// A new [name]; empty for the top of the file, "listen.NAME" where there is no object. `about`
  /// of its field.
  virtual void enter_table(std::string_view name, std::string_view about) = 0;
  virtual void visit(const Leaf& leaf) = 0;
};

/// Every key that the configuration has, sections by their names.
void walk_values(const Type& root, const void* object, const Value& value, LeafVisitor& visitor);
/// Every key that a configuration may have, with defaults; elements of lists as "servers[].weight".
void walk_format(const Type& root, LeafVisitor& visitor);

}  // namespace sluice::config
