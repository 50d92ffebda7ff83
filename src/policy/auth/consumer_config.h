// [consumer.NAME]: somebody who uses the API, with credentials and what they grant.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/secret_source.h"
#include "config/types.h"
#include "policy/ip_filter/ip_filter_config.h"

namespace sluice::policy {

/// SHA-256 of a key, as `sluice key new` prints it.
struct KeyHash {
  std::array<uint8_t, 32> bytes{};
  auto operator<=>(const KeyHash&) const = default;
};

/// A date of TOML's own; a date without a time is the first moment of that day, UTC.
struct Moment {
  WallTime at = WallTime::max();
  std::string text;   // as written
};

struct ConsumerKey {
  config::Placed<std::string> id;   // in logs: never the key itself
  config::Placed<KeyHash> sha256;
  std::optional<Moment> expires;
};

/// How requests are signed with a key: RFC 9421 section 3.3, in its order, and AWS's.
enum class KeyAlgorithm : uint8_t {
  hmac_sha256,
  ed25519,
  ecdsa_p256_sha256,
  ecdsa_p384_sha384,
  rsa_pss_sha512,
  rsa_v1_5_sha256,
  sigv4,
};

/// Of a public key: PEM, or the file that it is in.
struct PublicKeySource {
  std::string pem;
  config::FilePath file;
  config::Position at;
  bool empty() const { return pem.empty() && file.empty(); }
};

/// A key that requests are signed with (type = "signature").
struct SigningKeyConfig {
  config::Placed<std::string> id;   // what a signature names
  KeyAlgorithm algorithm = KeyAlgorithm::hmac_sha256;
  config::SecretSource secret;
  PublicKeySource public_key;
  std::optional<Moment> expires;

  bool has_secret() const {
    return algorithm == KeyAlgorithm::hmac_sha256 || algorithm == KeyAlgorithm::sigv4;
  }
};

/// What a client certificate must say: one of its names, the same to the letter.
struct CertificateName {
  enum class Kind : uint8_t { sha256, uri, dns, email, subject };
  Kind kind = Kind::subject;
  config::Placed<std::string> text;
};
inline constexpr size_t kCertificateNameKinds = 5;

struct ConsumerConfig {
  std::vector<ConsumerKey> keys;   // several: rotation without a gap
  std::vector<SigningKeyConfig> signing_keys;   // several: rotation without a gap
  std::vector<CertificateName> certificates;
  std::vector<config::Placed<std::string>> users;
  std::vector<std::string> scopes;
  std::vector<std::string> roles;
  std::vector<std::string> groups;
  IpSources allow_ips;   // empty: from anywhere
  config::Map<std::string> claims;
  std::vector<config::Reference<"limit">> limits;
};

std::span<const config::Field> config_fields(const ConsumerKey*);
std::span<const config::Field> config_fields(const SigningKeyConfig*);
std::span<const config::Field> config_fields(const ConsumerConfig*);
void config_check(const SigningKeyConfig& key, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::KeyAlgorithm> {
  static constexpr std::string_view names[] = {
      "hmac-sha256",    "ed25519",         "ecdsa-p256-sha256", "ecdsa-p384-sha384",
      "rsa-pss-sha512", "rsa-v1_5-sha256", "sigv4"};
};

template <>
struct TypeOf<policy::PublicKeySource> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "a public key in PEM, or the file that it is in",
                             .read = &read,
                             .print = &print};
};

template <>
struct TextForm<policy::KeyHash> {
  static constexpr std::string_view noun = "a SHA-256 in 64 hex digits";
  static constexpr std::string_view pattern = "[0-9A-Fa-f]{64}";
  static constexpr bool conceals = true;   // the key itself, say
  static Result<policy::KeyHash, TextError> parse(std::string_view text);
  static std::string print(const policy::KeyHash& hash);
};

template <>
struct TypeOf<policy::CertificateName> {
  static constexpr std::string_view kSchema =
      R"({"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": )"
      R"({"sha256": {"type": "string"}, "uri": {"type": "string"}, "dns": {"type": "string"}, )"
      R"("email": {"type": "string"}, "subject": {"type": "string"}}})";
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "one name of a certificate such as { dns = \"acme.example\" }",
                             .read = &read,
                             .print = &print,
                             .schema = kSchema};
};

template <>
struct TypeOf<policy::Moment> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "a date such as 2027-01-31 or 2027-01-31T12:00:00Z",
                             .read = &read,
                             .print = &print};
};

}  // namespace sluice::config
