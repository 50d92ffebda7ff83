#include "policy/auth/auth_config.h"

#include "http/token.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kBadHeaderName{"auth_header_name"};

constexpr Field kAuthFields[] = {
    field<&AuthConfig::type>({.name = "type",
                              .about = "The kind of credential.",
                              .example = "\"api_key\"",
                              .need = config::Need::required}),
    field<&AuthConfig::header>({.name = "header",
                                .about = "api_key: the header field that holds the key.",
                                .reason = "the name that most APIs use"}),
    field<&AuthConfig::query>(
        {.name = "query",
         .about = "api_key: a query parameter that may hold the key instead.",
         .reason = "none: URLs end up in logs, histories and Referer fields",
         .example = "\"api_key\""}),
    field<&AuthConfig::store>(
        {.name = "store",
         .about = "api_key: where the keys' hashes are: \"consumers\" (the [consumer.*] tables), or "
                  "\"file:keys.jsonl\", one JSON object a line, read again whenever it changes.",
         .reason = "a handful of keys needs no file"}),
    config::later("issuer"),
    config::later("audience"),
    config::later("jwks_uri"),
    config::later("jwks_file"),
    config::later("algorithms"),
    config::later("clock_skew"),
    config::later("scheme"),
    config::later("components"),
    config::later("max_skew"),
    config::later("replay"),
};

}  // namespace

std::span<const Field> config_fields(const AuthConfig*) {
  return kAuthFields;
}

void config_check(const AuthConfig& auth, const config::Value& table, config::Reader& reader) {
  const config::Entry* header = table.find("header");
  if (header != nullptr && !http::is_token(auth.header))
    reader.issues().add(kBadHeaderName, header->value.at, quoted(auth.header) + " is no name of a header field");
}

}  // namespace sluice::policy

namespace sluice::config {

using policy::KeyStore;
using policy::RouteAuth;

void TypeOf<KeyStore>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  constexpr std::string_view kFile = "file:";
  auto& store = *static_cast<KeyStore*>(out);
  if (value.kind != Value::Kind::string) return reader.wrong_type(value, field);
  if (value.text == "consumers") return;
  if (!value.text.starts_with(kFile) || value.text.size() == kFile.size() ||
      value.text.find('\0') != std::string::npos)
    return reader.wrong_type(value, field);
  store.kind = KeyStore::Kind::file;
  store.file = {reader.sources().resolve(value.at.file, value.text.substr(kFile.size())), value.at};
}

void TypeOf<KeyStore>::print(const void* object, std::string& out) {
  const auto& store = *static_cast<const KeyStore*>(object);
  out += store.kind == KeyStore::Kind::consumers ? "\"consumers\"" : toml_string("file:" + store.file.path);
}

namespace {

void read_names(Reader& reader, const Value& value, const Field& field, RouteAuth& out) {
  if (value.kind == Value::Kind::list && value.items.empty()) return reader.wrong_type(value, field);
  TypeOf<decltype(out.names)>::type.read(reader, value, field, &out.names);
}

}  // namespace

void TypeOf<RouteAuth>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  auto& auth = *static_cast<RouteAuth*>(out);
  auth.at = value.at;
  if (value.kind == Value::Kind::string && value.text == "none") {
    auth.mode = RouteAuth::Mode::none;
    return;
  }
  auth.mode = RouteAuth::Mode::any;
  if (!value.is_table()) return read_names(reader, value, field, auth);
  const Entry* all = value.find("all");
  if (all == nullptr || value.entries.size() != 1) return reader.wrong_type(value, field);
  auth.mode = RouteAuth::Mode::all;
  read_names(reader, all->value, field, auth);
}

void TypeOf<RouteAuth>::print(const void* object, std::string& out) {
  const auto& auth = *static_cast<const RouteAuth*>(object);
  using Mode = RouteAuth::Mode;
  if (auth.mode == Mode::unset) return;
  if (auth.mode == Mode::none) {
    out += "\"none\"";
    return;
  }
  if (auth.mode == Mode::all) out += "{ all = ";
  TypeOf<decltype(auth.names)>::type.print(&auth.names, out);
  if (auth.mode == Mode::all) out += " }";
}

}  // namespace sluice::config
