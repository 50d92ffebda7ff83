#include "config/secret_source.h"

#include <array>

namespace sluice::config {

namespace {

constexpr IssueKind kLiteralSecret{"literal_secret"};
constexpr IssueKind kSecretPlace{"secret_place"};
constexpr std::string_view kForms =
    "{ secret = \"file:PATH\" }, { secret = \"env:NAME\" } or { secret = \"credential:NAME\" }";

using Kind = SecretSource::Kind;
struct Scheme {
  std::string_view prefix;
  Kind kind;
};
constexpr std::array kSchemes{Scheme{"env:", Kind::environment}, Scheme{"file:", Kind::file},
                              Scheme{"credential:", Kind::credential}};

// What stands there is not repeated, nor is its line: it may be the secret.
void refuse(Reader& reader, const IssueKind& kind, Position at, std::string text) {
  Issue& issue = reader.issues().add(kind, at, std::move(text));
  issue.note = "write " + std::string(kForms);
  issue.concealed = true;
}

bool is_place(const Scheme& scheme, std::string_view place) {
  if (place.empty() || place.find('\0') != place.npos) return false;
  return scheme.kind == Kind::file || place.find_first_of("/=") == place.npos;
}

}  // namespace

std::optional<SecretSource> parse_secret_source(std::string_view text) {
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    std::string place(text.substr(scheme.prefix.size()));
    if (!is_place(scheme, place)) break;
    return SecretSource{scheme.kind, std::move(place), {}};
  }
  return std::nullopt;
}

void TypeOf<SecretSource>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  const Entry* place = value.is_table() ? value.find("secret") : nullptr;
  bool is_text = place != nullptr && value.entries.size() == 1 && place->value.kind == Value::Kind::string;
  if (!is_text) {
    return refuse(reader, kLiteralSecret, value.at, quoted(field.name) + " must not stand in the file itself");
  }
  auto& source = *static_cast<SecretSource*>(out);
  auto parsed = parse_secret_source(place->value.text);
  if (!parsed) {
    source.at = place->value.at;
    return refuse(reader, kSecretPlace, place->value.at, "the secret of " + quoted(field.name) + " has no place");
  }
  source = *std::move(parsed);
  source.at = place->value.at;
  if (source.kind == Kind::file) source.place = reader.sources().absolute(value.at.file, source.place);
}

void TypeOf<SecretSource>::print(const void* object, std::string& out) {
  const auto& source = *static_cast<const SecretSource*>(object);
  for (const Scheme& scheme : kSchemes) {
    if (scheme.kind == source.kind)
      out += "{ secret = " + toml_string(std::string(scheme.prefix) + source.place) + " }";
  }
}

}  // namespace sluice::config
