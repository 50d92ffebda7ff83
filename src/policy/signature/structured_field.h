// Structured field values (RFC 9651): dictionaries, lists, inner lists, items with parameters.
// Strict: what the RFC does not allow is refused, and so is a name given twice, of which readers
// would take the one or the other. Display strings are not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace sluice::policy {

/// A header block has 32 KiB by default; signatures of a request 0.2 to 2 KiB.
inline constexpr size_t kStructuredBytesMax = 16 * 1024;
// RFC 9651 asks for 1024 members and 256 items at least of who reads every field; those that we
// read have a handful, and each more would be work for a stranger's asking.
inline constexpr size_t kStructuredMembersMax = 64;
inline constexpr size_t kInnerItemsMax = 64;
inline constexpr size_t kParametersMax = 16;
inline constexpr size_t kStructuredKeyBytesMax = 64;   // RFC 9651 section 3.1.2: at least that
inline constexpr size_t kIntegerDigitsMax = 15;        // RFC 9651 section 3.3.1

/// A value without its parameters. Views the arena and the text that was read.
struct BareItem {
  enum class Kind : uint8_t { integer, decimal, string, token, bytes, boolean, date };
  Kind kind = Kind::boolean;
  int64_t number = 1;      // date: seconds since 1970; decimal: thousandths; boolean: 0 or 1
  std::string_view text;   // string: unescaped; token; bytes: decoded

  bool is_string() const { return kind == Kind::string; }
  bool is_true() const { return kind == Kind::boolean && number == 1; }
};

struct Parameter {
  std::string_view name;
  BareItem value;
};
using Parameters = std::span<const Parameter>;

/// gives: null when there is none of that name
const BareItem* find_parameter(Parameters parameters, std::string_view name);

struct StructuredItem {
  BareItem value;
  Parameters parameters;
};

/// Of a dictionary or a list: an item, or an inner list of them.
struct Member {
  std::string_view key;                     // empty in a list
  bool is_list = false;
  BareItem value;                           // of an item
  std::span<const StructuredItem> items;    // of an inner list
  Parameters parameters;
};
using Members = std::span<const Member>;

/// gives: null when there is none of that key
const Member* find_member(Members members, std::string_view key);

// Each reads a whole field value; several lines of a field are joined by ", " first. What it gives
// lives as long as `text` and the arena.
// errors: too_large for any limit above; unsupported for display strings; bad_value with what is
// wrong

Result<Members> parse_dictionary(std::string_view text, Arena& arena);
Result<Members> parse_list(std::string_view text, Arena& arena);
Result<StructuredItem> parse_item(std::string_view text, Arena& arena);

// The one spelling of each (RFC 9651 section 4.1), appended to `out`.

void append_bare_item(const BareItem& item, std::string& out);
void append_parameters(Parameters parameters, std::string& out);
void append_item(const StructuredItem& item, std::string& out);
/// The value of a member with its parameters, without its key.
void append_member_value(const Member& member, std::string& out);
void append_dictionary(Members members, std::string& out);
void append_list(Members members, std::string& out);

}  // namespace sluice::policy
