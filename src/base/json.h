// Reading JSON (RFC 8259) strictly: valid UTF-8, one value and nothing after it, bounded depth, no
// member named twice. The door to simdjson. Not for writing: append_json in base/text.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace sluice {

class JsonMembers;
class JsonElements;

/// One value of a document: two words, views the JsonReader that read it, until that reads again.
class JsonValue {
 public:
  enum class Type : uint8_t { null, boolean, number, string, array, object };

  JsonValue() = default;   // needs: assigned before it is asked
  Type type() const;
  bool is_object() const { return type() == Type::object; }

  // Each gives nothing when the value is of another type.
  std::optional<std::string_view> string() const;   // unescaped; may hold NUL
  std::optional<bool> boolean() const;
  std::optional<double> number() const;             // of any number
  /// A number without fraction or exponent, as it was written.
  std::optional<int64_t> integer() const;

  /// The member of an object; nothing when there is none, or when this is no object.
  std::optional<JsonValue> member(std::string_view name) const;
  /// The members of an object and the elements of an array, in order; none for other types.
  JsonMembers members() const;
  JsonElements elements() const;

 private:
  friend class JsonReader;
  friend class JsonMembers;
  friend class JsonElements;
  struct Access;   // in json.cc
  const void* document_ = nullptr;
  size_t index_ = 0;
};

/// `while (members.next())` walks an object.
class JsonMembers {
 public:
  bool next();
  std::string_view name() const { return name_; }
  JsonValue value() const { return value_; }

 private:
  friend class JsonValue;
  const void* document_ = nullptr;
  size_t at_ = 0;
  size_t end_ = 0;
  std::string_view name_;
  JsonValue value_;
};

class JsonElements {
 public:
  bool next();
  JsonValue value() const { return value_; }

 private:
  friend class JsonValue;
  const void* document_ = nullptr;
  size_t at_ = 0;
  size_t end_ = 0;
  JsonValue value_;
};

/// Reads one document after the other, keeping its memory. One thread's.
class JsonReader {
 public:
  static constexpr size_t kDepthMax = 32;   // deeper than any token, key set or message of ours

  /// `bytes_max`: longer texts are refused (too_large) before they are looked at
  explicit JsonReader(size_t bytes_max);
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;
  ~JsonReader();

  /// errors: too_large; bad_value with what is wrong
  Result<JsonValue> read(std::string_view text);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  size_t bytes_max_;
};

}  // namespace sluice
