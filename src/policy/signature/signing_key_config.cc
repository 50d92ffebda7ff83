// A consumer's signing keys: where each key is, by its algorithm.
#include <algorithm>

#include "policy/auth/consumer_config.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kKeySource{"signing_key_source"};

constexpr Field kSigningKeyFields[] = {
    field<&SigningKeyConfig::id>(
        {.name = "id",
         .about = "What a signature calls the key (keyid; with sigv4 the access key), and what logs "
                  "call it. No two consumers' keys have the same.",
         .example = "\"s1\"",
         .need = config::Need::required}),
    field<&SigningKeyConfig::algorithm>(
        {.name = "algorithm",
         .about = "What the key is for, whatever a signature says: an algorithm of RFC 9421, or \"sigv4\".",
         .example = "\"ed25519\"",
         .need = config::Need::required}),
    field<&SigningKeyConfig::secret>(
        {.name = "secret",
         .about = "hmac-sha256, sigv4: where the shared secret is. Its bytes count as they stand there, without "
                  "the line's end; at least 32.",
         .example = "{ secret = \"file:acme.secret\" }"}),
    field<&SigningKeyConfig::public_key>(
        {.name = "public_key",
         .about = "The others: the public key or certificate in PEM, or its file.",
         .example = "\"acme.pem\""}),
    field<&SigningKeyConfig::expires>({.name = "expires",
                                       .about = "From this moment on the key is refused; a date alone is its first "
                                                "moment, UTC.",
                                       .example = "2027-01-31"}),
};

}  // namespace

std::span<const Field> config_fields(const SigningKeyConfig*) {
  return kSigningKeyFields;
}

void config_check(const SigningKeyConfig& key, const config::Value& table, config::Reader& reader) {
  const config::Entry* algorithm = table.find("algorithm");
  const auto& names = config::Choices<KeyAlgorithm>::names;
  if (algorithm == nullptr || std::ranges::find(names, algorithm->value.text) == std::end(names))
    return;   // said already, and the rest would be guesses
  bool has_secret = table.find("secret") != nullptr;
  bool has_public = table.find("public_key") != nullptr;
  if (has_secret == key.has_secret() && has_public != key.has_secret()) return;
  reader.issues().add(kKeySource, table.at,
                      quoted(names[static_cast<size_t>(key.algorithm)]) + (key.has_secret() ? " takes a \"secret\", and no \"public_key\""
                                                       : " takes a \"public_key\", and no \"secret\""));
}

}  // namespace sluice::policy

namespace sluice::config {

void TypeOf<policy::PublicKeySource>::read(Reader& reader, const Value& value, const Field& field,
                                           void* out) {
  bool is_text = value.kind == Value::Kind::string && !value.text.empty() &&
                 value.text.find('\0') == std::string::npos;
  if (!is_text) return reader.wrong_type(value, field);
  auto& source = *static_cast<policy::PublicKeySource*>(out);
  source.at = value.at;
  if (value.text.find("-----BEGIN ") != std::string::npos) {
    source.pem = value.text;
  } else {
    source.file = {reader.sources().resolve(value.at.file, value.text), value.at};
  }
}

void TypeOf<policy::PublicKeySource>::print(const void* object, std::string& out) {
  const auto& source = *static_cast<const policy::PublicKeySource*>(object);
  if (!source.empty()) out += toml_string(source.pem.empty() ? source.file.path : source.pem);
}

}  // namespace sluice::config
