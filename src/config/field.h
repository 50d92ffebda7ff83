// How a table is described: one constexpr list of Fields beside its struct, each with the Type of
// its C++ member. Reading, JSON Schema, reference, `config defaults` and `config show` are walks
// over these lists (reader.h, schema.h, reference.h, show.h), so they cannot disagree. The Types of
// C++ types: types.h.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/source.h"
#include "config/value.h"

namespace sluice::config {

struct Type;
struct Field;
class Reader;

enum class Need : uint8_t {
  optional,
  required,
  later,  // named by the design, not honoured by this version: refuses to start
};

/// Bounds of a number, in its unit (a duration: nanoseconds, a size: bytes).
struct Range {
  int64_t min = 0;
  int64_t max = std::numeric_limits<int64_t>::max();
};

/// One key of a table.
struct Field {
  std::string_view name{};
  std::string_view about{};    // what it does
  std::string_view reason{};   // why the default is what it is
  std::string_view example{};  // TOML, where the default does not show the form
  Need need = Need::optional;
  Range range{};
  const Type* type = nullptr;
  void* (*member)(void* object) = nullptr;
  std::string_view instead_of{};  // keys, with a space between, that people write for it: for a hint

  const void* member_of(const void* object) const { return member(const_cast<void*>(object)); }
};

/// A named thing in a vector of Sections or Items, for walks.
struct NamedObject {
  std::string_view name;
  const void* object;
};

/// What the walks need to know about one C++ type.
struct Type {
  enum class Form : uint8_t { boolean, integer, text, list, table, map, sections };

  Form form;
  std::string_view noun;  // completes `"x" is ...`: a duration such as "250ms"
  void (*read)(Reader& reader, const Value& value, const Field& field, void* out);
  /// Appends the value as TOML; nothing when it is not set.
  void (*print)(const void* object, std::string& out);
  const Type* element = nullptr;                 // of a list, map or sections
  std::span<const Field> (*fields)() = nullptr;  // of a table
  std::string_view bare{};                       // key that a table's bare value sets
  std::span<const std::string_view> choices{};   // of a text that is one of a few
  std::string_view pattern{};                    // of a text: a regular expression, for editors
  std::string_view schema{};                     // JSON Schema, where the form does not tell
  std::string_view table{};                      // of a text that names a [table.NAME]
  bool conceals = false;                         // what stands there by mistake may be a secret: no issue shows it
  const void* (*inner)(const void* object) = nullptr;  // of a table: it, or nullptr when not set
  const void* (*sample)() = nullptr;                   // of a table: one with all defaults
  std::vector<NamedObject> (*members)(const void*) = nullptr;  // of a map or sections
};

/// What a Field is besides its member; by designated initialisers.
struct FieldText {
  std::string_view name;
  std::string_view about;
  std::string_view reason = "";
  std::string_view example = "";
  Need need = Need::optional;
  Range range = {};
  std::string_view instead_of = "";
};

template <class T>
struct TypeOf;  // types.h

template <auto Member>
struct MemberOf;
template <class Object, class T, T Object::*Member>
struct MemberOf<Member> {
  using type = T;
  static void* get(void* object) { return &(static_cast<Object*>(object)->*Member); }
};

template <auto Member>
constexpr Field field(const FieldText& text) {
  using M = MemberOf<Member>;
  return {text.name,
          text.about,
          text.reason,
          text.example,
          text.need,
          text.range,
          &TypeOf<typename M::type>::type,
          &M::get,
          text.instead_of};
}

/// A key that the design names and this version cannot honour.
constexpr Field later(std::string_view name) {
  return {.name = name, .need = Need::later};
}

/// The fields of a struct's member as fields of the struct: tables that several folders share.
template <auto Member, const auto& List, size_t I>
void* member_within(void* object) {
  return List[I].member(MemberOf<Member>::get(object));
}
template <auto Member, const auto& List, size_t... I>
constexpr auto within_each(std::index_sequence<I...>) {
  std::array<Field, sizeof...(I)> fields{List[I]...};
  ((fields[I].member = List[I].need == Need::later ? nullptr : &member_within<Member, List, I>),
   ...);
  return fields;
}
template <auto Member, const auto& List>
constexpr auto within() {
  return within_each<Member, List>(std::make_index_sequence<std::size(List)>());
}

}  // namespace sluice::config
