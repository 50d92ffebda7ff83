// The Types of C++ types: how each is read from and printed as TOML. A folder adds its own by
//   - TextForm<T>, for what is one string (a path pattern, an address);
//   - Choices<T>, for an enum;
//   - config_fields(const T*), for a struct that is a table, beside it; and where they apply
//     config_bare(const T*) (the key that a value without a table sets) and
//     config_check(const T&, const Value&, Reader&) (what no single key can show).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/ip.h"
#include "base/text.h"
#include "config/field.h"
#include "config/reader.h"
#include "config/units.h"

namespace sluice::config {

// ---- Shapes that configuration structs are made of.

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
  Position at;   // of the name
  T value{};
};
template <class T>
using Map = std::vector<Item<T>>;

/// A [table.NAME].
template <class T>
struct Section {
  std::string name;
  Position at;
  /// Of its own table and of those it names: two snapshots share a part whose fingerprint is the same.
  uint64_t fingerprint = 0;
  bool sound = false;   // nothing was wrong inside
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

// ---- Text: T is one string.

/// needs: `static constexpr std::string_view noun`, `static Result<T, TextError> parse(std::string_view)`,
/// `static std::string print(const T&)`; where a number has units: `unit` (the usual one) and
/// `static int64_t number(const T&)`, which Field::range bounds
template <class T>
struct TextForm;

template <class T>
concept IsText = requires { TextForm<T>::noun; };

template <IsText T>
void read_text(Reader& reader, const Value& value, const Field& field, void* out) {
  using Form = TextForm<T>;
  if constexpr (requires { Form::unit; }) {
    bool bare = value.kind == Value::Kind::integer || value.kind == Value::Kind::real;
    bool digits = value.kind == Value::Kind::string && parse_decimal(value.text).has_value();
    if (bare || digits) return reader.missing_unit(value, field, Form::unit);
  }
  if (value.kind != Value::Kind::string) return reader.wrong_type(value, field);
  Result<T, TextError> parsed = Form::parse(value.text);
  if (!parsed) return reader.bad_text(value, field, parsed.error().offset, parsed.error().why);
  if constexpr (requires { Form::number(*parsed); }) {
    int64_t number = Form::number(*parsed);
    if (number < field.range.min || number > field.range.max) {
      T low = Form::from_number(field.range.min), high = Form::from_number(field.range.max);
      return reader.out_of_range(value, field, Form::print(low) + " to " + Form::print(high));
    }
  }
  *static_cast<T*>(out) = *std::move(parsed);
}

template <IsText T>
void print_text(const void* object, std::string& out) {
  out += toml_string(TextForm<T>::print(*static_cast<const T*>(object)));
}

template <IsText T>
struct TypeOf<T> {
  static constexpr std::string_view pattern() {
    if constexpr (requires { TextForm<T>::pattern; }) return TextForm<T>::pattern;
    return {};
  }
  static constexpr Type type{.form = Type::Form::text,
                             .noun = TextForm<T>::noun,
                             .read = &read_text<T>,
                             .print = &print_text<T>,
                             .pattern = pattern()};
};

template <>
struct TextForm<Duration> {
  static constexpr std::string_view noun = "a duration such as \"250ms\"";
  static constexpr std::string_view unit = "s";
  static constexpr std::string_view pattern = "[0-9]+(ns|us|ms|s|m|h|d)";
  static Result<Duration, TextError> parse(std::string_view text) { return parse_duration(text); }
  static std::string print(const Duration& duration) { return print_duration(duration); }
  static int64_t number(const Duration& duration) { return duration.count(); }
  static Duration from_number(int64_t number) { return Duration(number); }
};

template <>
struct TextForm<Bytes> {
  static constexpr std::string_view noun = "a size such as \"64KiB\"";
  static constexpr std::string_view unit = "KiB";
  static constexpr std::string_view pattern = "[0-9]+(B|KiB|MiB|GiB|TiB)";
  static Result<Bytes, TextError> parse(std::string_view text) { return parse_bytes(text); }
  static std::string print(const Bytes& bytes) { return print_bytes(bytes); }
  static int64_t number(const Bytes& bytes) { return static_cast<int64_t>(bytes.count); }
  static Bytes from_number(int64_t number) { return {static_cast<uint64_t>(number)}; }
};

template <>
struct TextForm<Cidr> {
  static constexpr std::string_view noun = "a range of addresses such as \"10.0.0.0/8\"";
  static Result<Cidr, TextError> parse(std::string_view text);
  static std::string print(const Cidr& range) { return range.to_string(); }
};

template <>
struct TextForm<std::string> {
  static constexpr std::string_view noun = "a string";
  static Result<std::string, TextError> parse(std::string_view text) { return std::string(text); }
  static std::string print(const std::string& text) { return text; }
};

// ---- Scalars.

void read_boolean(Reader& reader, const Value& value, const Field& field, void* out);
void print_boolean(const void* object, std::string& out);
template <>
struct TypeOf<bool> {
  static constexpr Type type{
      .form = Type::Form::boolean, .noun = "true or false", .read = &read_boolean, .print = &print_boolean};
};

/// gives: true when `value` is an integer within `field.range` and `max`; otherwise an issue is added
bool check_integer(Reader& reader, const Value& value, const Field& field, uint64_t max);

template <std::unsigned_integral T>
struct TypeOf<T> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    if (!check_integer(reader, value, field, std::numeric_limits<T>::max())) return;
    *static_cast<T*>(out) = static_cast<T>(value.integer);
  }
  static void print(const void* object, std::string& out) {
    out += std::to_string(*static_cast<const T*>(object));
  }
  static constexpr Type type{
      .form = Type::Form::integer, .noun = "a whole number", .read = &read, .print = &print};
};

/// gives: index of the choice, or -1 with an issue
int read_choice(Reader& reader, const Value& value, const Field& field, std::span<const std::string_view> names);

/// needs: `static constexpr std::string_view names[]`, in the order of the enumerators from 0
template <class E>
struct Choices;

template <class E>
  requires std::is_enum_v<E> && (!IsText<E>)
struct TypeOf<E> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    int index = read_choice(reader, value, field, Choices<E>::names);
    if (index >= 0) *static_cast<E*>(out) = static_cast<E>(index);
  }
  static void print(const void* object, std::string& out) {
    out += toml_string(Choices<E>::names[static_cast<size_t>(*static_cast<const E*>(object))]);
  }
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "one of a few names",
                             .read = &read,
                             .print = &print,
                             .choices = Choices<E>::names};
};

template <>
struct TypeOf<FilePath> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text, .noun = "a file", .read = &read, .print = &print};
};

void read_reference(Reader& reader, const Value& value, const Field& field, std::string& name);
template <Literal Table>
struct TypeOf<Reference<Table>> {
  using T = Reference<Table>;
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    T& reference = *static_cast<T*>(out);
    read_reference(reader, value, field, reference.name);
    reference.at = value.at;
  }
  static void print(const void* object, std::string& out) {
    const T& reference = *static_cast<const T*>(object);
    if (!reference.empty()) out += toml_string(reference.name);
  }
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "the name of a section",
                             .read = &read,
                             .print = &print,
                             .table = Table.view()};
};

// ---- Shapes.

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
    Type type = TypeOf<T>::type;
    type.read = &read;
    type.print = &print;
    return type;
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
    Type type = TypeOf<T>::type;
    type.read = &read;
    type.print = &print;
    type.inner = &inner;
    return type;
  }
  static constexpr Type type = make();
};

/// A list of one may be written without its brackets.
template <class T>
struct TypeOf<std::vector<T>> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out) {
    auto& list = *static_cast<std::vector<T>*>(out);
    Field element = field;
    element.type = &TypeOf<T>::type;
    if (value.kind != Value::Kind::list) {
      element.type->read(reader, value, element, &list.emplace_back());
      return;
    }
    if (!reader.check_count(value, value.items.size())) return;
    list.reserve(value.items.size());
    for (const Value& item : value.items) element.type->read(reader, item, element, &list.emplace_back());
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
      if (is_sections() && !reader.check_name(entry)) continue;
      Element& element = list.emplace_back();
      element.name = entry.name;
      element.at = entry.at;
      Field named = field;
      named.name = entry.name;
      named.type = &TypeOf<Value_>::type;
      size_t errors = reader.issues().count(Severity::error);
      reader.enter(entry.name);
      named.type->read(reader, entry.value, named, &element.value);
      reader.leave();
      if constexpr (is_sections()) element.sound = reader.issues().count(Severity::error) == errors;
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
    for (const Element& element : *static_cast<const T*>(object)) out.push_back({element.name, &element.value});
    return out;
  }
  static constexpr bool is_sections() { return requires(Element element) { element.fingerprint; }; }
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
concept IsTable = requires(const T* object) { config_fields(object); };

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
