#include "config/home.h"

#include <algorithm>

#include "base/text.h"
#include "config/issue.h"

namespace sluice::config {
namespace {

constexpr size_t kPlacesMax = 3;   // more are no help
constexpr size_t kDepthMax = 4;    // of tables in tables; the format has three

/// A table around the key, or the key's own.
struct Level {
  const Type* table;
  std::string name;   // upstream.orders.tls; empty for the main table
};

const Type& without_list(const Type& type) { return type.form == Type::Form::list ? *type.element : type; }

bool is_named(const Type& type) { return type.form == Type::Form::sections || type.form == Type::Form::map; }

const Field* find_field(const Type& table, std::string_view name) {
  for (const Field& field : table.fields()) {
    if (field.name == name && field.need != Need::later) return &field;
  }
  return nullptr;
}

/// Whether such a value may stand there at all.
bool fits(const Type& type, const Value& value) {
  if (value.broken) return true;
  switch (type.form) {
    case Type::Form::boolean:
      return value.kind == Value::Kind::boolean;
    case Type::Form::integer:
      return value.kind == Value::Kind::integer || !type.choices.empty();
    case Type::Form::text:   // sizes and durations are written without their unit, too
      return value.kind != Value::Kind::list && value.kind != Value::Kind::boolean &&
             (value.kind != Value::Kind::table || !type.schema.empty());
    case Type::Form::list:
      return value.kind == Value::Kind::list || fits(*type.element, value);
    case Type::Form::table:
      return value.is_table() || !type.bare.empty();
    case Type::Form::map:
    case Type::Form::sections:
      return value.is_table();
  }
  return false;
}

const Field* takes(const Type& table, const Entry& entry) {
  const Field* field = find_field(table, entry.name);
  return field != nullptr && fits(*field->type, entry.value) ? field : nullptr;
}

/// The main table and those on the way to `path`, whose own is the last.
/// gives: none when the way leads through something that is no table of fields
std::vector<Level> levels_to(const Type& root, std::span<const std::string_view> path) {
  std::vector<Level> levels{{&root, ""}};
  const Type* type = &root;
  std::string name;
  for (std::string_view part : path) {
    name += (name.empty() ? "" : ".") + printable(part);
    const Field* field = type->form == Type::Form::table ? find_field(*type, part) : nullptr;
    if (field == nullptr && !is_named(*type)) return {};
    type = &without_list(field != nullptr ? *field->type : *type->element);
    if (type->form == Type::Form::table) levels.push_back({type, name});
  }
  return type->form == Type::Form::table ? levels : std::vector<Level>{};
}

std::string example_of(const Field& field) {
  return std::string(field.name) + " = " + (field.example.empty() ? "..." : std::string(field.example));
}

/// Adds where `entry` may stand in the tables that are `depth` below.
void add_places(const Level& level, const Entry& entry, size_t depth, std::vector<std::string>& out) {
  for (const Field& field : level.table->fields()) {
    if (field.need == Need::later) continue;
    bool listed = field.type->form == Type::Form::list;
    bool named = field.type->form == Type::Form::sections;
    const Type& inner = named ? *field.type->element : without_list(*field.type);
    if (inner.form != Type::Form::table) continue;
    Level below{&inner, level.name + (level.name.empty() ? "" : ".") + std::string(field.name) + (named ? ".NAME" : "")};
    if (depth > 1) {
      if (!listed) add_places(below, entry, depth - 1, out);
    } else if (takes(inner, entry) != nullptr) {
      bool unshown = listed && field.example.empty();
      out.push_back(unshown  ? std::string(field.name) + " = [{ " + entry.name + " = ... }]"
                    : listed ? example_of(field)
                             : "[" + below.name + "]");
    }
  }
}

std::string belongs(const Entry& entry, std::span<const std::string> places) {
  if (places.empty() || places.size() > kPlacesMax) return "";
  std::string out = quoted(entry.name) + " belongs in ";
  for (size_t i = 0; i < places.size(); ++i)
    out += (i == 0 ? "" : i + 1 == places.size() ? " or " : ", ") + places[i];
  return out;
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::string meant(const Type& table, const Entry& entry) {
  for (const Field& field : table.fields()) {
    if (!has_word(field.instead_of, entry.name)) continue;
    const Type& inner = without_list(*field.type);
    if (inner.form == Type::Form::table && find_field(inner, entry.name) != nullptr && field.type == &inner)
      return "write " + std::string(field.name) + " = { " + entry.name + " = ... }";
    std::string out = "write " + example_of(field);
    return field.type->table.empty() ? out : out + ", and the [" + std::string(field.type->table) + ".NAME] that it names";
  }
  return "";
}

}  // namespace

std::string near_home(const Type& root, std::span<const std::string_view> path, const Entry& entry) {
  std::vector<Level> levels = levels_to(root, path);
  if (levels.empty()) return "";
  std::string said = meant(*levels.back().table, entry);
  if (!said.empty() || levels.size() == 1) return said;
  std::vector<std::string> places;
  for (size_t depth = 1; depth <= kDepthMax && places.empty(); ++depth) add_places(levels.back(), entry, depth, places);
  return belongs(entry, places);
}

std::string far_home(const Type& root, std::span<const std::string_view> path, const Entry& entry) {
  std::vector<Level> levels = levels_to(root, path);
  std::vector<std::string> places;
  for (size_t i = levels.size(); i-- > 2;) {   // around the own one, below the main table
    const Level& around = levels[i - 1];
    if (takes(*around.table, entry) != nullptr) return belongs(entry, std::vector{"[" + around.name + "]"});
    add_places(around, entry, 1, places);
    if (!places.empty()) return belongs(entry, places);
  }
  const Field* main = takes(root, entry);
  if (main != nullptr && main->type->form != Type::Form::table && !is_named(*main->type))
    return quoted(entry.name) + " belongs in the main table, above every [table]";
  // What is said of the whole process is not meant for a named thing: the user of [server] is none of a [redis.NAME].
  const Field* around = path.empty() ? nullptr : find_field(root, path.front());
  if (around != nullptr && around->type->form != Type::Form::sections) return "";
  add_places({&root, ""}, entry, 1, places);
  size_t beside = places.size();
  for (size_t depth = 2; depth <= kDepthMax; ++depth) add_places({&root, ""}, entry, depth, places);
  return beside == 1 && places.size() == 1 ? belongs(entry, places) : "";
}

}  // namespace sluice::config
