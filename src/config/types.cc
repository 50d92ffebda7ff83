#include "config/types.h"

#include "config/issue.h"

namespace sluice::config {

Result<Cidr, TextError> TextForm<Cidr>::parse(std::string_view text) {
  if (std::optional<Cidr> range = Cidr::parse(text)) return *range;
  return TextError{"an address, or an address, / and a prefix with no bits set behind it", 0};
}

void read_boolean(Reader& reader, const Value& value, const Field& field, void* out) {
  if (value.kind != Value::Kind::boolean) return reader.wrong_type(value, field);
  *static_cast<bool*>(out) = value.boolean;
}

void print_boolean(const void* object, std::string& out) {
  out += *static_cast<const bool*>(object) ? "true" : "false";
}

bool check_integer(Reader& reader, const Value& value, const Field& field, uint64_t max) {
  if (value.kind != Value::Kind::integer) {
    reader.wrong_type(value, field);
    return false;
  }
  auto high = static_cast<int64_t>(std::min(static_cast<uint64_t>(field.range.max), max));
  if (value.integer >= field.range.min && value.integer <= high) return true;
  reader.out_of_range(value, field,
                      std::to_string(field.range.min) + " to " + std::to_string(high));
  return false;
}

int read_choice(Reader& reader, const Value& value, const Field& field,
                std::span<const std::string_view> names) {
  if (value.kind == Value::Kind::string) {
    auto found = std::find(names.begin(), names.end(), value.text);
    if (found != names.end()) return static_cast<int>(found - names.begin());
  }
  reader.unknown_choice(value, field, names);
  return -1;
}

void TypeOf<FilePath>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  if (value.kind != Value::Kind::string) return reader.wrong_type(value, field);
  if (value.text.empty() || value.text.find('\0') != std::string::npos) {
    return reader.bad_text(value, field, 0, "a path is not empty and holds no NUL");
  }
  auto& file = *static_cast<FilePath*>(out);
  file.path = reader.sources().absolute(value.at.file, value.text);
  file.at = value.at;
}

void TypeOf<FilePath>::print(const void* object, std::string& out) {
  const auto& file = *static_cast<const FilePath*>(object);
  if (!file.empty()) out += toml_string(file.path);
}

void read_reference(Reader& reader, const Value& value, const Field& field, std::string& name) {
  if (value.kind != Value::Kind::string) return reader.wrong_type(value, field);
  if (value.text.empty()) return reader.bad_text(value, field, 0, "a name is not empty");
  name = value.text;
}

void read_bare(Reader& reader, const Value& value, const Type& type, const Field& field,
               void* out) {
  for (const Field& inner : type.fields()) {
    if (type.bare.empty() || inner.name != type.bare) continue;
    Field named = inner;
    named.name = field.name;
    return inner.type->read(reader, value, named, inner.member(out));
  }
  reader.wrong_type(value, field);
}

void print_table(const Type& type, const void* object, std::string& out) {
  out += '{';
  bool first = true;
  for (const Field& field : type.fields()) {
    if (field.need == Need::later) continue;
    std::string value;
    field.type->print(field.member_of(object), value);
    if (value.empty()) continue;
    out += (first ? " " : ", ") + std::string(field.name) + " = " + value;
    first = false;
  }
  out += first ? "}" : " }";
}

}  // namespace sluice::config
