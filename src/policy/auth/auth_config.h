// [auth.NAME]: one kind of credential and how it is judged.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/types.h"

namespace sluice::policy {

enum class AuthType : uint8_t { api_key };

/// `store`: "consumers", or "file:PATH".
struct KeyStore {
  enum class Kind : uint8_t { consumers, file };
  Kind kind = Kind::consumers;
  config::FilePath file;
};

struct AuthConfig {
  AuthType type = AuthType::api_key;
  // api_key
  std::string header = "X-Api-Key";
  std::string query;   // empty: keys in the query are not looked at
  KeyStore store;

  /// Its credentials stand in [consumer.*].
  bool uses_consumers() const { return type == AuthType::api_key && store.kind == KeyStore::Kind::consumers; }
};

/// What a route says: `auth = ["a", "b"]`, `{ all = ["a", "b"] }` or "none".
struct RouteAuth {
  enum class Mode : uint8_t { unset, none, any, all };
  Mode mode = Mode::unset;
  std::vector<config::Reference<"auth">> names;
  config::Position at;
};

std::span<const config::Field> config_fields(const AuthConfig*);
void config_check(const AuthConfig& auth, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::AuthType> {
  static constexpr std::string_view names[] = {"api_key"};
};

template <>
struct TypeOf<policy::KeyStore> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "\"consumers\" or a file such as \"file:keys.jsonl\"",
                             .read = &read,
                             .print = &print,
                             .pattern = "(consumers|file:.+)"};
};

template <>
struct TypeOf<policy::RouteAuth> {
  static constexpr std::string_view kSchema =
      R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, )"
      R"({"type": "object", "required": ["all"], "additionalProperties": false, )"
      R"("properties": {"all": {"type": "array", "items": {"type": "string"}}}}]})";
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "a list of [auth.NAME]s, { all = [...] } or \"none\"",
                             .read = &read,
                             .print = &print,
                             .schema = kSchema};
};

}  // namespace sluice::config
