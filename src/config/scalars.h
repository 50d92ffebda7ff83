// The Types of C++ types that are one TOML value: text in its many forms, numbers, choices, names.
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

#include "base/ip.h"
#include "base/text.h"
#include "config/members.h"
#include "config/reader.h"
#include "config/units.h"

namespace sluice::config {

// ---- Text: T is one string.

/// needs: `static constexpr std::string_view noun`, `static Result<T, TextError>
/// parse(std::string_view)`, `static std::string print(const T&)`; where a number has units:
/// `static constexpr bool conceals = true`, where a secret may stand by mistake,
/// `static std::string unit_hint(uint64_t number)`, for one that has none, and
/// `static int64_t number(const T&)`, which Field::range bounds
template <class T>
struct TextForm;

template <class T>
concept IsText = requires {
  TextForm<T>::noun;
};

/// gives: a whole number of at least 0, as integer or as string; otherwise nothing
inline std::optional<uint64_t> bare_number(const Value& value) {
  if (value.kind == Value::Kind::string) return parse_decimal(value.text);
  if (value.kind != Value::Kind::integer || value.integer < 0) return std::nullopt;
  return static_cast<uint64_t>(value.integer);
}

template <IsText T>
void read_text(Reader& reader, const Value& value, const Field& field, void* out) {
  using Form = TextForm<T>;
  if constexpr (requires { Form::unit_hint(uint64_t{}); }) {
    bool bare = value.kind == Value::Kind::integer || value.kind == Value::Kind::real;
    std::optional<uint64_t> number = bare_number(value);
    if (bare || number) return reader.missing_unit(value, field, number ? Form::unit_hint(*number) : "");
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
                             .pattern = pattern(),
                             .conceals = requires { TextForm<T>::conceals; }};
};

template <>
struct TextForm<Duration> {
  static constexpr std::string_view noun = "a duration such as \"250ms\"";
  static constexpr std::string_view pattern = "[0-9]+(ns|us|ms|s|m|h|d)";
  static Result<Duration, TextError> parse(std::string_view text) { return parse_duration(text); }
  static std::string print(const Duration& duration) { return print_duration(duration); }
  static int64_t number(const Duration& duration) { return duration.count(); }
  static Duration from_number(int64_t number) { return Duration(number); }
  /// Which one is meant the number does not tell.
  static std::string unit_hint(uint64_t number) {
    std::string digits = std::to_string(number);
    return "\"" + digits + "s\", or \"" + digits + "ms\"?";
  }
};

template <>
struct TextForm<Bytes> {
  static constexpr std::string_view noun = "a size such as \"64KiB\"";
  static constexpr std::string_view pattern = "[0-9]+(B|KiB|MiB|GiB|TiB)";
  static Result<Bytes, TextError> parse(std::string_view text) { return parse_bytes(text); }
  static std::string print(const Bytes& bytes) { return print_bytes(bytes); }
  static int64_t number(const Bytes& bytes) { return static_cast<int64_t>(bytes.count); }
  static Bytes from_number(int64_t number) { return {static_cast<uint64_t>(number)}; }
  static std::string unit_hint(uint64_t number) { return "did you mean \"" + print_bytes({number}) + "\"?"; }
};

template <>
struct TextForm<Rate> {
  static constexpr std::string_view noun = "a rate such as \"100/1m\"";
  static constexpr std::string_view pattern = "[0-9][0-9_]*/[0-9]+(ns|us|ms|s|m|h|d)";
  static Result<Rate, TextError> parse(std::string_view text) { return parse_rate(text); }
  static std::string print(const Rate& rate) { return print_rate(rate); }
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
  static constexpr Type type{.form = Type::Form::boolean,
                             .noun = "true or false",
                             .read = &read_boolean,
                             .print = &print_boolean};
};

/// gives: true when `value` is an integer within `field.range` and `max`; otherwise an issue is
/// added
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
int read_choice(Reader& reader, const Value& value, const Field& field,
                std::span<const std::string_view> names);

/// needs: `static constexpr std::string_view names[]`, in the order of the enumerators from 0
template <class E>
struct Choices;

template <class E>
requires std::is_enum_v<E> &&(!IsText<E>)struct TypeOf<E> {
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
  static constexpr Type type{
      .form = Type::Form::text, .noun = "a file", .read = &read, .print = &print};
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

}  // namespace sluice::config
