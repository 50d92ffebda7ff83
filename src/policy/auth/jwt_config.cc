#include "policy/auth/jwt_config.h"

#include <algorithm>

namespace sluice::policy {

using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kMissing{"jwt_key_missing"};
constexpr IssueKind kSeveralPlaces{"jwt_keys_in_several_places"};
constexpr IssueKind kBadUrl{"jwt_url"};
constexpr IssueKind kPlainHttp{"jwt_plain_http"};
constexpr IssueKind kSharedSecret{"jwt_shared_secret"};
constexpr IssueKind kStoreOfKeys{"jwt_store"};
constexpr IssueKind kEmptyText{"jwt_empty_text"};

/// OpenID Connect Discovery section 4: behind the issuer, whose last slash does not count.
std::string discovery_url(std::string issuer) {
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer + "/.well-known/openid-configuration";
}

config::Position place_of(const config::Value& table, std::string_view key) {
  const config::Entry* entry = table.find(key);
  return entry ? entry->value.at : table.at;
}

void check_texts(const std::vector<std::string>& list, std::string_view key, const config::Value& table,
                 config::Reader& reader) {
  if (std::find(list.begin(), list.end(), "") != list.end())
    reader.issues().add(kEmptyText, place_of(table, key), quoted(key) + " holds an empty text");
}

}  // namespace

JwtAlgorithmSet jwt_algorithms(const AuthConfig& auth) {
  constexpr JwtAlgorithm kWithSecret[] = {JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512};
  if (auth.algorithms.empty() && auth.secret.empty()) return JwtAlgorithmSet::asymmetric();
  JwtAlgorithmSet set;
  for (JwtAlgorithm algorithm : auth.algorithms) set.add(algorithm);
  for (JwtAlgorithm algorithm : kWithSecret) {
    if (auth.algorithms.empty()) set.add(algorithm);
  }
  return set;
}

void check_url(const config::Placed<std::string>& url, std::string_view what, bool plain_http, config::Reader& reader) {
  Result<upstream::FetchUrl> parsed = upstream::FetchUrl::parse(url.value);
  if (!parsed) {
    reader.issues().add(kBadUrl, url.at, quoted(url.value) + " is " + parsed.error().what);
  } else if (!may_fetch(*parsed, plain_http)) {
    reader.issues().add(kPlainHttp, url.at, std::string(what)).note =
        "use https, or set plain_http = true if nobody can be on the way";
  }
}

void check_introspection(const AuthConfig& auth, const config::Value& table, config::Reader& reader) {
  if (!auth.url) {
    reader.issues().add(kMissing, table.at, "type = \"introspection\" needs \"url\"").note =
        "where the issuer is asked about tokens";
  } else {
    check_url(*auth.url, "tokens would go over http: whoever is on the way can take them", auth.plain_http, reader);
  }
  if (!auth.client_id.empty() && auth.client_secret.empty()) {
    reader.issues().add(kMissing, place_of(table, "client_id"), "\"client_id\" needs \"client_secret\"").note =
        "such as { secret = \"file:introspection.secret\" }";
  }
  check_texts(auth.audience, "audience", table, reader);
  check_texts(auth.required, "required", table, reader);
}

void check_jwt(const AuthConfig& auth, const config::Value& table, config::Reader& reader) {
  auto missing = [&](const char* key, const char* why) {
    const config::Entry* entry = table.find(key);
    if (entry != nullptr && entry->value.broken) return;   // said already
    reader.issues().add(kMissing, table.at, "type = \"jwt\" needs " + quoted(key)).note = why;
  };
  if (auth.issuer.empty()) missing("issuer", "without it a token of anybody would do");
  if (auth.audience.empty()) missing("audience", "without it a token for another service would do");
  check_texts(auth.audience, "audience", table, reader);
  check_texts(auth.required, "required", table, reader);
  check_texts(auth.token_types, "token_types", table, reader);
  if (table.find("store") != nullptr && auth.store.kind != KeyStore::Kind::redis) {
    reader.issues().add(kStoreOfKeys, place_of(table, "store"), "type = \"jwt\" keeps its revocations in a [redis.NAME]").note =
        "a file of them is named by \"revoked\"";
  }
  int places = auth.jwks_uri.has_value() + !auth.jwks_file.empty() + !auth.public_key.empty() + !auth.secret.empty();
  if (places > 1) {
    reader.issues().add(kSeveralPlaces, table.at,
                        "keys come from one of \"jwks_uri\", \"jwks_file\", \"public_key\" and \"secret\"");
  }
  constexpr std::string_view kWhat = "keys would be fetched over http: whoever is on the way can put in his own";
  if (auth.jwks_uri) check_url(*auth.jwks_uri, kWhat, auth.plain_http, reader);
  if (places == 0 && !auth.issuer.empty())
    check_url({discovery_url(auth.issuer), place_of(table, "issuer")}, kWhat, auth.plain_http, reader);
  JwtAlgorithmSet algorithms = jwt_algorithms(auth);
  if (!auth.secret.empty() && algorithms.has_asymmetric()) {
    reader.issues().add(kSharedSecret, place_of(table, "algorithms"), "a shared secret verifies HS256, HS384 and HS512 alone");
  }
  if (algorithms.has_symmetric() && auth.jwks_file.empty() && auth.secret.empty()) {
    reader.issues()
        .add(kSharedSecret, place_of(table, "algorithms"),
             "HS256, HS384 and HS512 verify with a shared secret, which no public key is")
        .note = "give the secret by secret = { secret = \"file:...\" }, or as a key with \"kty\": \"oct\" in a jwks_file";
  }
}

JwtSettings jwt_settings(const AuthConfig& auth, unsigned workers) {
  JwtSettings settings;
  settings.rules.introspected = auth.type == AuthType::introspection;
  settings.rules.issuer = auth.issuer;
  settings.rules.audiences = auth.audience;
  settings.rules.types = auth.token_types;
  settings.rules.required = auth.required;
  for (const auto& claim : auth.claims) settings.rules.equal.emplace_back(claim.name, claim.value);
  settings.rules.clock_skew = std::chrono::duration_cast<std::chrono::milliseconds>(auth.clock_skew);
  settings.mapping = {auth.scopes, auth.roles, auth.consumer};
  settings.algorithms = jwt_algorithms(auth);
  settings.cache_bytes = auth.cache.count / std::max(1U, workers);
  return settings;
}

RemoteKeysOptions remote_keys_options(const std::string& name, const AuthConfig& auth) {
  RemoteKeysOptions options;
  options.name = name;
  if (auth.jwks_uri) {
    options.url = *upstream::FetchUrl::parse(auth.jwks_uri->value);
  } else {
    options.url = *upstream::FetchUrl::parse(discovery_url(auth.issuer));
    options.issuer = auth.issuer;
  }
  options.plain_http = auth.plain_http;
  options.algorithms = jwt_algorithms(auth);
  options.refresh = auth.refresh;
  options.keep = auth.keep;
  return options;
}

}  // namespace sluice::policy
