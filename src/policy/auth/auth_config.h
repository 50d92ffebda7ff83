// [auth.NAME]: one kind of credential and how it is judged.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/secret_source.h"
#include "config/types.h"
#include "policy/auth/jwt_algorithm.h"
#include "policy/signature/signature_config.h"

namespace sluice::policy {

enum class AuthType : uint8_t { api_key, jwt, mtls, basic, introspection, signature, ticket };

/// What becomes of a token while its issuer cannot be asked.
enum class ProviderDown : uint8_t {
  closed,   // refused
  stale,    // a token that was good the last time is, until it expires
};

/// `store`: "consumers", "file:PATH", or the name of a [redis.NAME].
struct KeyStore {
  enum class Kind : uint8_t { consumers, file, redis };
  Kind kind = Kind::consumers;
  config::FilePath file;
  config::Reference<"redis"> redis;
};

struct AuthConfig {
  AuthType type = AuthType::api_key;
  std::optional<std::string> header;   // see header_name()
  std::string cookie;                  // jwt, introspection; empty: tokens in cookies are not looked at
  // api_key
  std::string query;   // empty: keys in the query are not looked at
  std::string subprotocol;   // of a WebSocket; empty: credentials there are not looked at
  KeyStore store;
  // jwt: whose tokens, and for whom
  std::string issuer;
  std::vector<std::string> audience;
  std::vector<JwtAlgorithm> algorithms;   // empty: see jwt_algorithms()
  // jwt: where the keys are; none of these four: found by discovery from the issuer
  std::optional<config::Placed<std::string>> jwks_uri;
  config::FilePath jwks_file;
  config::FilePath public_key;
  config::SecretSource secret;
  // jwt: fetching them
  config::FilePath ca;
  bool plain_http = false;
  Duration refresh = std::chrono::minutes(5);
  Duration keep = std::chrono::hours(24);
  // jwt: what a token must say, and what is taken from it
  Duration clock_skew = std::chrono::seconds(30);
  std::vector<std::string> token_types{"JWT", "at+jwt"};
  std::vector<std::string> required;
  config::Map<std::string> claims;
  std::string scopes;
  std::string roles;
  std::string consumer;
  config::FilePath revoked;
  config::Bytes cache = config::mebibytes(16);   // basic too
  // basic
  config::FilePath file;
  std::optional<Duration> cache_for;   // see cache_time(); introspection too
  // introspection, and what it has in common with jwt: issuer to consumer, cache
  std::optional<config::Placed<std::string>> url;
  std::string client_id;
  config::SecretSource client_secret;
  Duration timeout = std::chrono::seconds(2);
  ProviderDown on_provider_down = ProviderDown::closed;
  // ticket
  Duration lifetime = std::chrono::seconds(30);
  SignatureConfig signature;

  bool has_tokens() const { return type == AuthType::jwt || type == AuthType::introspection; }
  std::string_view header_name() const {
    return header ? std::string_view(*header) : has_tokens() ? "Authorization" : "X-Api-Key";
  }
  /// It looks things up in [consumer.*].
  bool uses_consumers() const {
    if (type == AuthType::ticket) return false;
    if (type == AuthType::mtls || type == AuthType::basic || type == AuthType::signature) return true;
    return has_tokens() ? !consumer.empty() : store.kind == KeyStore::Kind::consumers;
  }
  /// How long the answer to a question is used again.
  Duration cache_time() const {
    return cache_for.value_or(type == AuthType::introspection ? std::chrono::seconds(10) : std::chrono::minutes(1));
  }
  bool has_key_file() const { return !jwks_file.empty() || !public_key.empty(); }
  bool fetches_keys() const { return !has_key_file() && secret.empty(); }
};

/// Of `algorithms`, or all that verify with a public key; with the `secret` when there is one.
JwtAlgorithmSet jwt_algorithms(const AuthConfig& auth);

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
  static constexpr std::string_view names[] = {"api_key", "jwt", "mtls", "basic", "introspection", "signature", "ticket"};
};

template <>
struct Choices<policy::ProviderDown> {
  static constexpr std::string_view names[] = {"closed", "stale"};
};

template <>
struct Choices<policy::JwtAlgorithm> {
  static constexpr auto names = policy::kJwtAlgorithmNames;
};

template <>
struct TypeOf<policy::KeyStore> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "\"consumers\", a file such as \"file:keys.jsonl\" or the name of a [redis.NAME]",
                             .read = &read,
                             .print = &print};
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
