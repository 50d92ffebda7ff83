#include "policy/auth/auth_config.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <vector>

#include "http/token.h"
#include "policy/auth/jwt_config.h"
#include "policy/signature/signature_fields.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kBadHeaderName{"auth_header_name"};
constexpr IssueKind kBadCookieName{"auth_cookie_name"};
constexpr IssueKind kBadSubprotocol{"auth_subprotocol"};
constexpr IssueKind kTicketNowhere{"ticket_nowhere"};
constexpr IssueKind kTicketStore{"ticket_store"};
constexpr IssueKind kNoUserFile{"basic_file_missing"};
constexpr IssueKind kKeyOfOtherType{"auth_key_of_other_type"};

constexpr Field kAuthFields[] = {
    field<&AuthConfig::type>({.name = "type",
                              .about = "The kind of credential.",
                              .example = "\"api_key\"",
                              .need = config::Need::required}),
    field<&AuthConfig::header>(
        {.name = "header",
         .about = "api_key: the header field that holds the key; X-Api-Key when nothing is said. jwt, introspection: that holds "
                  "the token, Authorization with the scheme Bearer when nothing is said; in another field the "
                  "scheme may be left out.",
         .reason = "the names that most APIs use",
         .example = "\"X-Api-Key\""}),
    field<&AuthConfig::cookie>(
        {.name = "cookie",
         .about = "jwt, introspection: the name of a cookie that may hold the token instead. It is taken out of Cookie before "
                  "the request goes on, the other cookies stay.",
         .reason = "none: browsers send cookies by themselves, with requests that other sites make too",
         .example = "\"session\""}),
    field<&AuthConfig::query>(
        {.name = "query",
         .about = "api_key: a query parameter that may hold the key instead. ticket: the one that holds the ticket; no log "
                  "and no upstream sees it.",
         .reason = "none: URLs end up in logs, histories and Referer fields",
         .example = "\"api_key\""}),
    field<&AuthConfig::subprotocol>(
        {.name = "subprotocol",
         .about = "api_key, jwt, introspection, ticket: with \"bearer\", the key, token or ticket of a WebSocket may stand in "
                  "Sec-WebSocket-Protocol as bearer.TOKEN, beside the real subprotocols: a page can set no other field. "
                  "It is taken out of the list.",
         .reason = "none: a client that is no browser has better places",
         .example = "\"bearer\""}),
    field<&AuthConfig::store>(
        {.name = "store",
         .about = "api_key: where the keys' hashes are: \"consumers\" (the [consumer.*] tables), "
                  "\"file:keys.jsonl\", one JSON object a line, read again whenever it changes, or the name of a "
                  "[redis.NAME]. jwt: the [redis.NAME] that says which tokens are revoked. ticket: the [redis.NAME] "
                  "(6.2 or later) that holds the tickets of several gateways.",
         .reason = "a handful of keys needs no file"}),
    field<&AuthConfig::issuer>({.name = "issuer",
                                .about = "jwt: whose tokens are accepted; exactly the \"iss\" in them. Required. Without "
                                         "jwks_uri, jwks_file and public_key the keys are found by OpenID Connect "
                                         "discovery from here. introspection: what an answer must say, where this is "
                                         "given.",
                                .reason = "none: a token of anybody would do",
                                .example = "\"https://id.example.com\"",
                                .instead_of = "iss issuers"}),
    field<&AuthConfig::audience>({.name = "audience",
                                  .about = "jwt: for whom a token must be, one of these in its \"aud\". Required. "
                                           "introspection: the same of the answer, where this is given.",
                                  .reason = "none: a token for another service would do",
                                  .example = "\"orders-api\"",
                                  .instead_of = "aud audiences"}),
    field<&AuthConfig::algorithms>(
        {.name = "algorithms",
         .about = "jwt: signatures that are accepted; nothing means all that verify with a public key. HS256, HS384 "
                  "and HS512 need a shared secret, in `secret` or a jwks_file.",
         .reason = "a key serves only the algorithms of its own type, whatever a token says",
         .example = "[\"RS256\", \"ES256\"]",
         .instead_of = "alg algs algorithm"}),
    field<&AuthConfig::jwks_uri>({.name = "jwks_uri",
                                  .about = "jwt: where the issuer publishes its keys, as a JWK Set.",
                                  .example = "\"https://id.example.com/keys\"",
                                  .instead_of = "jwks jwks_url jwk_url"}),
    field<&AuthConfig::jwks_file>(
        {.name = "jwks_file",
         .about = "jwt: the keys as a file, a JWK Set; read again whenever it changes.",
         .example = "\"issuer-keys.json\""}),
    field<&AuthConfig::public_key>(
        {.name = "public_key",
         .about = "jwt: the only key as a file, a public key or certificate in PEM; read again whenever it changes.",
         .example = "\"issuer.pem\""}),
    field<&AuthConfig::secret>({.name = "secret",
                                .about = "jwt: the secret that tokens of HS256, HS384 and HS512 are made with, of at "
                                         "least as many bits. Whoever knows it can make tokens.",
                                .reason = "none: a public key cannot be used to make tokens",
                                .example = "{ secret = \"file:tokens.secret\" }"}),
    field<&AuthConfig::ca>({.name = "ca",
                            .about = "jwt: authorities (PEM) that vouch for the server that the keys come from; "
                                     "introspection: for the one that is asked.",
                            .reason = "the authorities of the system",
                            .example = "\"internal-ca.pem\""}),
    field<&AuthConfig::plain_http>(
        {.name = "plain_http",
         .about = "jwt: keys may come over http from other machines too. introspection: tokens may go over it.",
         .reason = "whoever is on the way could put in his own keys, and sign any token; or take the tokens"}),
    field<&AuthConfig::refresh>({.name = "refresh",
                                 .about = "jwt: how often published keys are fetched.",
                                 .reason = "a key that was withdrawn is not accepted for longer than that; new ones are "
                                           "fetched when a token first names them",
                                 .range = {1'000'000'000, 86'400'000'000'000}}),
    field<&AuthConfig::keep>({.name = "keep",
                              .about = "jwt: how long keys stay in use while no newer ones can be fetched.",
                              .reason = "longer than most outages of an identity provider",
                              .range = {1'000'000'000, 2'592'000'000'000'000}}),
    field<&AuthConfig::clock_skew>({.name = "clock_skew",
                                    .about = "jwt, introspection: how far the issuer's clock may be from ours, for exp, nbf and iat.",
                                    .reason = "clocks that are kept by NTP are closer",
                                    .range = {0, 600'000'000'000}}),
    field<&AuthConfig::token_types>(
        {.name = "token_types",
         .about = "jwt: accepted \"typ\" of a token; one without counts as JWT.",
         .reason = "access tokens say at+jwt (RFC 9068) or JWT; logout tokens and proofs say what they are"}),
    field<&AuthConfig::required>({.name = "required",
                                  .about = "jwt, introspection: claims that a token must have, beside iss, aud and exp.",
                                  .example = "[\"sub\"]"}),
    field<&AuthConfig::claims>(
        {.name = "claims",
         .about = "jwt, introspection: claims that a token must have with this value, or with a list that holds it.",
         .example = "{ tenant = \"acme\" }"}),
    field<&AuthConfig::scopes>({.name = "scopes",
                                .about = "jwt, introspection: the claim with the scopes, a text with blanks or a list.",
                                .reason = "scope, then scp",
                                .example = "\"permissions\""}),
    field<&AuthConfig::roles>({.name = "roles",
                               .about = "jwt, introspection: the claim with the roles; a dot leads into an object.",
                               .example = "\"realm_access.roles\""}),
    field<&AuthConfig::consumer>(
        {.name = "consumer",
         .about = "jwt, introspection: the claim that names the [consumer.NAME] that a token belongs to.",
         .example = "\"azp\""}),
    field<&AuthConfig::revoked>(
        {.name = "revoked",
         .about = "jwt: tokens and subjects that are not accepted any more, a JSON object a line; read again whenever "
                  "it changes.",
         .example = "\"revoked.jsonl\""}),
    field<&AuthConfig::cache>(
        {.name = "cache",
         .about = "jwt: memory of the process for tokens that were verified; 0 bytes: every request verifies. basic, "
                  "introspection: for credentials and tokens that were looked at. api_key, jwt: for what the "
                  "[redis.NAME] of the store said. ticket: for tickets that nobody has used yet, without a [redis.NAME]; "
                  "when they fill it none is issued until some have expired.",
         .reason = "some 8,000 tokens of 1 KiB",
         .range = {0, 4'294'967'296}}),
    field<&AuthConfig::file>(
        {.name = "file",
         .about = "basic: users and the hashes of their passwords (bcrypt, Argon2), one name:hash a line; read again "
                  "whenever it changes. Required. `sluice password` prints such lines.",
         .example = "\"users.htpasswd\"",
         .instead_of = "users"}),
    field<&AuthConfig::cache_for>(
        {.name = "cache_for",
         .about = "basic: so long a password that was right, or wrong, is not hashed again. introspection: so long the "
                  "issuer is not asked again about a token, good or not; never beyond its end.",
         .reason = "basic: 1m, since a change of the file counts at once; introspection: 10s, since a token that is revoked "
                   "is accepted for so long",
         .range = {1'000'000'000, 3'600'000'000'000}}),
    field<&AuthConfig::lifetime>({.name = "lifetime",
                                  .about = "ticket: how long a ticket may wait to be used; never beyond the end of the "
                                           "credential that it was issued for.",
                                  .reason = "a page opens its socket at once",
                                  .range = {1'000'000'000, 600'000'000'000}}),
    field<&AuthConfig::url>({.name = "url",
                             .about = "introspection: where the issuer is asked about tokens (RFC 7662). Required.",
                             .example = "\"https://id.example.com/introspect\""}),
    field<&AuthConfig::client_id>(
        {.name = "client_id",
         .about = "introspection: who the gateway is to the issuer; without it client_secret is sent as a bearer token.",
         .example = "\"gateway\""}),
    field<&AuthConfig::client_secret>({.name = "client_secret",
                                       .about = "introspection: the gateway's secret; read again at each reload.",
                                       .example = "{ secret = \"file:introspection.secret\" }"}),
    field<&AuthConfig::timeout>({.name = "timeout",
                                 .about = "introspection: how long the issuer may take to answer, connecting included.",
                                 .reason = "a request waits for it",
                                 .range = {1'000'000, 60'000'000'000}}),
    field<&AuthConfig::on_provider_down>(
        {.name = "on_provider_down",
         .about = "introspection: what becomes of a token that the issuer cannot be asked about: \"closed\" refuses it "
                  "with 503, \"stale\" accepts it if it was good the last time, until it expires.",
         .reason = "what nobody vouches for is refused"}),
};

constexpr auto all_fields() {
  constexpr auto kSigned = config::within<&AuthConfig::signature, kSignatureFields>();
  std::array<Field, std::size(kAuthFields) + kSigned.size()> out{};
  auto end = std::copy(std::begin(kAuthFields), std::end(kAuthFields), out.begin());
  std::copy(kSigned.begin(), kSigned.end(), end);
  return out;
}
constexpr auto kFields = all_fields();

/// The types that take a key.
struct OwnKey {
  std::string_view name;
  std::initializer_list<AuthType> types;
};
using enum AuthType;
const OwnKey kOwnKeys[] = {
    {"header", {api_key, jwt, introspection}},
    {"cookie", {jwt, introspection}},
    {"query", {api_key, ticket}},
    {"subprotocol", {api_key, jwt, introspection, ticket}},
    {"store", {api_key, jwt, ticket}},
    {"issuer", {jwt, introspection}},
    {"audience", {jwt, introspection}},
    {"algorithms", {jwt}},
    {"jwks_uri", {jwt}},
    {"jwks_file", {jwt}},
    {"public_key", {jwt}},
    {"secret", {jwt}},
    {"ca", {jwt, introspection}},
    {"plain_http", {jwt, introspection}},
    {"refresh", {jwt}},
    {"keep", {jwt}},
    {"clock_skew", {jwt, introspection}},
    {"token_types", {jwt}},
    {"required", {jwt, introspection}},
    {"claims", {jwt, introspection}},
    {"scopes", {jwt, introspection}},
    {"roles", {jwt, introspection}},
    {"consumer", {jwt, introspection}},
    {"revoked", {jwt}},
    {"cache", {api_key, jwt, basic, introspection, ticket}},
    {"lifetime", {ticket}},
    {"file", {basic}},
    {"cache_for", {basic, introspection}},
    {"url", {introspection}},
    {"client_id", {introspection}},
    {"client_secret", {introspection}},
    {"timeout", {introspection}},
    {"on_provider_down", {introspection}},
};

bool is_choice(const config::Value& type) {
  const auto& names = config::Choices<AuthType>::names;
  return std::find(std::begin(names), std::end(names), type.text) != std::end(names);
}

void check_own_keys(const AuthConfig& auth, const config::Value& table, config::Reader& reader) {
  std::string_view type = config::Choices<AuthType>::names[static_cast<size_t>(auth.type)];
  for (const OwnKey& key : kOwnKeys) {
    const config::Entry* entry = table.find(key.name);
    if (entry == nullptr || std::ranges::find(key.types, auth.type) != key.types.end()) continue;
    reader.issues().add(kKeyOfOtherType, entry->at, quoted(key.name) + " is no key of type = " + quoted(type));
  }
  auto refuse = [&](std::string_view name) {
    if (const config::Entry* entry = table.find(name))
      reader.issues().add(kKeyOfOtherType, entry->at, quoted(name) + " is no key of type = " + quoted(type));
  };
  if (auth.type == AuthType::signature) return;
  for (const Field& field : kSignatureFields) refuse(field.name);
}

void check_ticket(const AuthConfig& auth, const config::Value& table, config::Reader& reader) {
  if (auth.query.empty() && auth.subprotocol.empty()) {
    reader.issues().add(kTicketNowhere, table.at, "type = \"ticket\" needs \"query\", \"subprotocol\" or both").note =
        "where a WebSocket's handshake holds the ticket";
  }
  const config::Entry* store = table.find("store");
  if (store == nullptr || auth.store.kind == KeyStore::Kind::redis) return;
  reader.issues().add(kTicketStore, store->value.at, "tickets are kept in a [redis.NAME], or without `store` in the process");
}

}  // namespace

std::span<const Field> config_fields(const AuthConfig*) {
  return kFields;
}

void config_check(const AuthConfig& auth, const config::Value& table, config::Reader& reader) {
  const config::Entry* header = table.find("header");
  if (header != nullptr && !http::is_token(auth.header_name()))
    reader.issues().add(kBadHeaderName, header->value.at,
                        quoted(auth.header_name()) + " is no name of a header field");
  const config::Entry* cookie = table.find("cookie");
  if (cookie != nullptr && !http::is_token(auth.cookie))
    reader.issues().add(kBadCookieName, cookie->value.at, quoted(auth.cookie) + " is no name of a cookie");
  const config::Entry* subprotocol = table.find("subprotocol");
  if (subprotocol != nullptr && (!http::is_token(auth.subprotocol) || auth.subprotocol.find('.') != std::string::npos))
    reader.issues().add(kBadSubprotocol, subprotocol->value.at,
                        quoted(auth.subprotocol) + " is no name of a subprotocol: letters, digits and dashes, no dot");
  const config::Entry* type = table.find("type");
  if (type == nullptr || !is_choice(type->value)) return;   // said already, and the rest would be guesses
  check_own_keys(auth, table, reader);
  if (auth.type == AuthType::jwt) check_jwt(auth, table, reader);
  if (auth.type == AuthType::introspection) check_introspection(auth, table, reader);
  if (auth.type == AuthType::basic && auth.file.empty())
    reader.issues().add(kNoUserFile, table.at, "type = \"basic\" needs " + quoted("file")).note =
        "the users and the hashes of their passwords";
  if (auth.type == AuthType::ticket) check_ticket(auth, table, reader);
  if (auth.type == AuthType::signature) check_signature(auth.signature, table, reader);
}

}  // namespace sluice::policy

namespace sluice::config {

using policy::KeyStore;
using policy::RouteAuth;

void TypeOf<KeyStore>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  constexpr std::string_view kFile = "file:";
  auto& store = *static_cast<KeyStore*>(out);
  if (value.kind != Value::Kind::string || value.text.empty()) return reader.wrong_type(value, field);
  if (value.text == "consumers") return;
  if (value.text.find(':') == std::string::npos) {
    store.kind = KeyStore::Kind::redis;
    store.redis = {value.text, value.at};
    return;
  }
  if (!value.text.starts_with(kFile) || value.text.size() == kFile.size() ||
      value.text.find('\0') != std::string::npos)
    return reader.wrong_type(value, field);
  store.kind = KeyStore::Kind::file;
  store.file = {reader.sources().resolve(value.at.file, value.text.substr(kFile.size())), value.at};
}

void TypeOf<KeyStore>::print(const void* object, std::string& out) {
  const auto& store = *static_cast<const KeyStore*>(object);
  switch (store.kind) {
    case KeyStore::Kind::consumers: out += "\"consumers\""; break;
    case KeyStore::Kind::file: out += toml_string("file:" + store.file.path); break;
    case KeyStore::Kind::redis: out += toml_string(store.redis.name); break;
  }
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
