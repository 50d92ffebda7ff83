// Where a secret is to be found: { secret = "env:NAME" }, { secret = "file:PATH" } or { secret = "credential:NAME" }
// (systemd's). A literal is refused: files are read, copied and printed by many. Reading it: snapshot/secrets.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/types.h"

namespace sluice::config {

struct SecretSource {
  enum class Kind : uint8_t { none, environment, file, credential };
  Kind kind = Kind::none;
  std::string place;   // name of the variable, path of the file, name of the credential
  Position at;

  bool empty() const { return kind == Kind::none; }
};

/// "file:PATH", "env:NAME" or "credential:NAME". gives: nothing for anything else
std::optional<SecretSource> parse_secret_source(std::string_view text);

template <>
struct TypeOf<SecretSource> {
  static constexpr std::string_view kSchema =
      R"({"type": "object", "required": ["secret"], "additionalProperties": false, )"
      R"("properties": {"secret": {"type": "string", "pattern": "^(env|file|credential):"}}})";
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "a secret's place such as { secret = \"file:/run/secrets/redis\" }",
                             .read = &read,
                             .print = &print,
                             .schema = kSchema};
};

}  // namespace sluice::config
