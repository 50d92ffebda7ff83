// How each C++ type is read from and printed as TOML: here what is made of others, in scalars.h the
// rest. A folder adds its own by
//   - TextForm<T>, for what is one string (a path pattern, an address);
//   - Choices<T>, for an enum;
//   - config_fields(const T*), for a struct that is a table, beside it; and where they apply
//     config_bare(const T*) (the key that a value without a table sets) and
//     config_check(const T&, const Value&, Reader&) (what no single key can show).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/field.h"
#include "config/members.h"
#include "config/reader.h"
#include "config/scalars.h"

namespace sluice::config {

template <class T>
struct TypeOf<Placed<T>> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    auto& placed = *static_cast<Placed<T>*>(out);
    TypeOf<T>::type.read(reader, value, field, &placed.value);
    placed.at = value.at;
  }
  static void print(const void* object, std::string& out) {
    TypeOf<T>::type.print(&static_cast<const Placed<T>*>(object)->value, out);
  }
  static constexpr Type make() {
    static_assert(TypeOf<T>::type.form == Type::Form::text, "walks look into lists and tables");
    Type made = TypeOf<T>::type;
    made.read = &read;
    made.print = &print;
    return made;
  }
  static constexpr Type type = make();
};

/// Not set, or a T. Its default is none.
template <class T>
struct TypeOf<std::optional<T>> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    auto& held = *static_cast<std::optional<T>*>(out);
    held.emplace();
    TypeOf<T>::type.read(reader, value, field, &*held);
  }
  static void print(const void* object, std::string& out) {
    const auto& held = *static_cast<const std::optional<T>*>(object);
    if (held) TypeOf<T>::type.print(&*held, out);
  }
  static const void* inner(const void* object) {
    const auto& held = *static_cast<const std::optional<T>*>(object);
    return held ? &*held : nullptr;
  }
  static constexpr Type make() {
    Type made = TypeOf<T>::type;
    made.read = &read;
    made.print = &print;
    made.inner = &inner;
    return made;
  }
  static constexpr Type type = make();
};

/// A list of one may be written without its brackets.
template <class T>
struct TypeOf<std::vector<T>> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    auto& list = *static_cast<std::vector<T>*>(out);
    list.clear();  // its default
    Field element = field;
    element.type = &TypeOf<T>::type;
    if (value.kind != Value::Kind::list) {
      element.type->read(reader, value, element, &list.emplace_back());
      return;
    }
    if (!reader.check_count(value, value.items.size())) return;
    list.reserve(value.items.size());
    for (const Value& item : value.items)
      element.type->read(reader, item, element, &list.emplace_back());
  }
  static void print(const void* object, std::string& out) {
    out += '[';
    bool first = true;
    for (const T& element : *static_cast<const std::vector<T>*>(object)) {
      if (!first) out += ", ";
      first = false;
      TypeOf<T>::type.print(&element, out);
    }
    out += ']';
  }
  static constexpr Type type{.form = Type::Form::list,
                             .noun = "a list",
                             .read = &read,
                             .print = &print,
                             .element = &TypeOf<T>::type};
};

/// Map and Sections: a table with names of the user's choice.
template <class Element>
struct NamedTypeOf {
  using T = std::vector<Element>;
  using Value_ = decltype(Element::value);

  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    if (!value.is_table()) return reader.wrong_type(value, field);
    if (!reader.check_count(value, value.entries.size())) return;
    auto& list = *static_cast<T*>(out);
    list.reserve(value.entries.size());
    for (const Entry& entry : value.entries) {
      if (is_sections() && (reader.lacks_name(entry, TypeOf<Value_>::type) || !reader.check_name(entry))) continue;
      Element& element = list.emplace_back();
      element.name = entry.name;
      element.at = entry.at;
      Field named = field;
      named.name = entry.name;
      named.type = &TypeOf<Value_>::type;
      size_t faults = reader.faults();
      reader.enter(entry.name);
      named.type->read(reader, entry.value, named, &element.value);
      reader.leave();
      if constexpr (is_sections()) element.sound = reader.faults() == faults;
    }
  }
  static void print(const void* object, std::string& out) {
    out += '{';
    bool first = true;
    for (const Element& element : *static_cast<const T*>(object)) {
      out += (first ? " " : ", ") + toml_key(element.name) + " = ";
      first = false;
      TypeOf<Value_>::type.print(&element.value, out);
    }
    out += first ? "}" : " }";
  }
  static std::vector<NamedObject> members(const void* object) {
    std::vector<NamedObject> out;
    for (const Element& element : *static_cast<const T*>(object))
      out.push_back({element.name, &element.value});
    return out;
  }
  static constexpr bool is_sections() {
    return requires(Element element) {
      element.fingerprint;
    };
  }
  static constexpr Type type{.form = is_sections() ? Type::Form::sections : Type::Form::map,
                             .noun = "a table",
                             .read = &read,
                             .print = &print,
                             .element = &TypeOf<Value_>::type,
                             .members = &members};
};
template <class T>
struct TypeOf<std::vector<Item<T>>> : NamedTypeOf<Item<T>> {};
template <class T>
struct TypeOf<std::vector<Section<T>>> : NamedTypeOf<Section<T>> {};

/// A struct with a field list.
template <class T>
concept IsTable = requires(const T* object) {
  config_fields(object);
};

void read_bare(Reader& reader, const Value& value, const Type& type, const Field& field, void* out);
void print_table(const Type& type, const void* object, std::string& out);

template <IsTable T>
struct TypeOf<T> {
  static std::span<const Field> fields() { return config_fields(static_cast<const T*>(nullptr)); }
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    if (value.is_table()) {
      reader.read_table(value, type, out);
    } else {
      read_bare(reader, value, type, field, out);
    }
    if constexpr (requires(const T& object) { config_check(object, value, reader); }) {
      if (value.is_table()) config_check(*static_cast<const T*>(out), value, reader);
    }
  }
  static void print(const void* object, std::string& out) { print_table(type, object, out); }
  static const void* inner(const void* object) { return object; }
  static const void* sample() {
    static const T kSample{};
    return &kSample;
  }
  static constexpr std::string_view bare() {
    if constexpr (requires(const T* object) { config_bare(object); }) {
      return config_bare(static_cast<const T*>(nullptr));
    }
    return {};
  }
  static constexpr Type type{.form = Type::Form::table,
                             .noun = "a table",
                             .read = &read,
                             .print = &print,
                             .fields = &fields,
                             .bare = bare(),
                             .inner = &inner,
                             .sample = &sample};
};

}  // namespace sluice::config
