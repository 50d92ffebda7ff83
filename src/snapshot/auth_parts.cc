#include "snapshot/auth_parts.h"

#include <utility>

#include "base/log.h"
#include "policy/auth/api_key.h"
#include "policy/auth/basic.h"
#include "policy/auth/introspection.h"
#include "policy/auth/jwt.h"
#include "policy/auth/jwt_config.h"
#include "policy/auth/jwt_files.h"
#include "policy/auth/jwt_keys.h"
#include "policy/auth/key_store.h"
#include "policy/auth/mtls.h"
#include "policy/signature/signature.h"
#include "policy/ticket/ticket.h"
#include "snapshot/ip_parts.h"
#include "snapshot/signing_keys.h"
#include "snapshot/secrets.h"

namespace sluice::snapshot {

using policy::ApiKeyAuthenticator;
using policy::ApiKeys;
using policy::AuthType;
using policy::KeyFile;
using policy::KeyStore;
using policy::KeyTable;

namespace {

using Section = config::Section<policy::AuthConfig>;

std::shared_ptr<const KeyTable> no_keys() {
  auto table = std::make_shared<KeyTable>();
  table->finish();
  return table;
}

/// What `store` names; null: no Redis.
std::shared_ptr<const redis::Instance> store_of(const Section& section, const Snapshot& snapshot) {
  const KeyStore& store = section.value.store;
  if (store.kind != KeyStore::Kind::redis) return nullptr;
  return find_part(snapshot.redis, store.redis.name).instance;
}

void make_api_keys(const Section& section, const Snapshot& snapshot, unsigned workers, AuthPart& part,
                   BuildFaults& faults) {
  const KeyStore& store = section.value.store;
  std::shared_ptr<ApiKeys> keys;
  if (store.kind == KeyStore::Kind::consumers) {
    keys = std::make_shared<ApiKeys>(policy::make_key_table(snapshot.config.consumer, ip_lists_of_consumers(snapshot)));
  } else if (store.kind == KeyStore::Kind::file) {
    auto table = KeyFile::load(store.file.path);
    if (!table) faults.push_back("auth." + section.name + ": " + store.file.path + ": " + table.error());
    keys = std::make_shared<ApiKeys>(table ? *std::move(table) : no_keys());
    part.files = std::make_shared<KeyFile>("auth." + section.name, store.file.path, keys);
  }
  part.api_keys = keys;
  part.authenticator = std::make_shared<ApiKeyAuthenticator>(
      section.name, section.value, std::move(keys),
      policy::KeyLookup{store_of(section, snapshot), section.value.cache.count / workers});
}

std::string about_jwt(const policy::AuthConfig& auth) {
  std::string out = "jwt of " + auth.issuer;
  if (!auth.store.redis.name.empty()) out += ", revocations in redis." + auth.store.redis.name;
  out += ", keys ";
  if (!auth.secret.empty()) return out + "of a secret";
  if (!auth.jwks_file.empty()) return out + "in " + auth.jwks_file.path;
  if (!auth.public_key.empty()) return out + "in " + auth.public_key.path;
  return out + (auth.jwks_uri ? "from " + auth.jwks_uri->value : "by discovery");
}

policy::NamedConsumers consumers_for(const policy::AuthConfig& auth, const Snapshot& snapshot) {
  policy::NamedConsumers out;
  if (auth.consumer.empty()) return out;
  policy::IpLists lists = ip_lists_of_consumers(snapshot);
  for (const auto& section : snapshot.config.consumer)
    out.add(section.name, section.value.groups, policy::make_allowed_ips(section.value.allow_ips, lists));
  return out;
}

upstream::FetchTrust load_trust(const std::string& name, const config::FilePath& ca, BuildFaults& faults) {
  auto trust = net::TlsClientContext::load({.ca_file = ca.path});
  if (trust) return *std::move(trust);
  faults.push_back(name + ": " + trust.error().file + ": " + trust.error().reason);
  return nullptr;
}

std::shared_ptr<policy::RemoteKeys> make_remote(const Section& section, std::shared_ptr<policy::JwtWorld> world,
                                                BuildFaults& faults) {
  auto options = policy::remote_keys_options("auth." + section.name, section.value);
  options.tls = load_trust("auth." + section.name, section.value.ca, faults);
  return std::make_shared<policy::RemoteKeys>(std::move(options), std::move(world));
}

crypto::Secret read_jwt_secret(const Section& section, BuildFaults& faults) {
  auto secret = read_secret(section.value.secret, config::process_environment);
  if (secret) return *std::move(secret);
  faults.push_back("auth." + section.name + ": " + secret.error());
  return {};
}

void take_secret(const Section& section, const crypto::Secret& secret, policy::JwtWorld& world, BuildFaults& faults) {
  auto keys = policy::key_set_of_secret(secret.bytes(), policy::jwt_algorithms(section.value));
  if (!keys) {
    faults.push_back("auth." + section.name + ": " + keys.error());
  } else {
    world.keys.replace(std::make_shared<const policy::JwtKeySet>(*std::move(keys)));
  }
}

void make_secret_keys(const Section& section, std::shared_ptr<policy::JwtWorld> world, AuthPart& part, BuildFaults& faults) {
  auto secret = std::make_shared<const crypto::Secret>(read_jwt_secret(section, faults));
  if (!secret->empty()) take_secret(section, *secret, *world, faults);
  part.login = std::make_shared<Live<crypto::Secret>>(std::move(secret));
  part.secret_keys = std::move(world);
}

void make_jwt(const Section& section, const Snapshot& snapshot, unsigned workers, AuthPart& part,
              BuildFaults& faults) {
  const policy::AuthConfig& auth = section.value;
  auto world = std::make_shared<policy::JwtWorld>(std::make_shared<const policy::JwtKeySet>(),
                                                  std::make_shared<const policy::Revocations>());
  if (auth.has_key_file() || !auth.revoked.empty()) {
    part.files = std::make_shared<policy::JwtFiles>("auth." + section.name, auth, world);
    auto read = part.files->read();
    if (!read) faults.push_back("auth." + section.name + ": " + read.error());
  }
  if (!auth.secret.empty()) make_secret_keys(section, world, part, faults);
  if (auth.fetches_keys()) part.remote_keys = make_remote(section, world, faults);
  policy::JwtOptions options;
  options.header = auth.header_name();
  options.cookie = auth.cookie;
  options.subprotocol = auth.subprotocol;
  options.settings = policy::jwt_settings(auth, workers);
  options.consumers = consumers_for(auth, snapshot);
  options.store = store_of(section, snapshot);
  options.about = about_jwt(auth);
  part.authenticator = std::make_shared<policy::JwtAuthenticator>(section.name, std::move(options), std::move(world),
                                                                  part.remote_keys);
}

void make_basic(const Section& section, const Snapshot& snapshot, unsigned workers, AuthPart& part,
                BuildFaults& faults) {
  auto users = std::make_shared<policy::UserFile>("auth." + section.name, section.value.file.path);
  if (auto read = users->read(); !read)
    faults.push_back("auth." + section.name + ": " + section.value.file.path + ": " + read.error());
  policy::BasicOptions options;
  options.cache_for = section.value.cache_time();
  options.cache_bytes = section.value.cache.count / workers;
  policy::IpLists lists = ip_lists_of_consumers(snapshot);
  for (const auto& consumer : snapshot.config.consumer) {
    for (const auto& user : consumer.value.users)
      options.holders[user.value] = {consumer.name, policy::grants_of(consumer.value, lists)};
  }
  part.files = users;
  part.authenticator = std::make_shared<policy::BasicAuthenticator>(section.name, std::move(options), std::move(users));
}

crypto::Secret read_login(const Section& section, BuildFaults& faults) {
  if (section.value.client_secret.empty()) return {};
  auto secret = read_secret(section.value.client_secret, config::process_environment);
  if (secret) return policy::introspection_login(section.value.client_id, *secret);
  faults.push_back("auth." + section.name + ": " + secret.error());
  return {};
}

void make_introspection(const Section& section, const Snapshot& snapshot, unsigned workers, AuthPart& part,
                        BuildFaults& faults) {
  const policy::AuthConfig& auth = section.value;
  policy::JwtSettings settings = policy::jwt_settings(auth, workers);
  policy::IntrospectionOptions options;
  options.header = auth.header_name();
  options.cookie = auth.cookie;
  options.subprotocol = auth.subprotocol;
  options.url = *upstream::FetchUrl::parse(auth.url->value);
  options.tls = load_trust("auth." + section.name, auth.ca, faults);
  part.login = std::make_shared<Live<crypto::Secret>>(std::make_shared<const crypto::Secret>(read_login(section, faults)));
  options.login = part.login;
  options.timeout = auth.timeout;
  options.cache_for = auth.cache_time();
  options.cache_bytes = settings.cache_bytes;
  options.on_provider_down = auth.on_provider_down;
  options.rules = std::move(settings.rules);
  options.mapping = std::move(settings.mapping);
  options.consumers = consumers_for(auth, snapshot);
  options.counts = snapshot.services.at("auth." + section.name);
  part.authenticator = std::make_shared<policy::IntrospectionAuthenticator>(section.name, std::move(options));
}

void make_signature(const Section& section, const Snapshot& snapshot, AuthPart& part, BuildFaults& faults) {
  const policy::SignatureConfig& config = section.value.signature;
  auto scheme = policy::make_signature_scheme(section.name, config);
  auto files = std::make_shared<SigningKeyFiles>("auth." + section.name, snapshot.config.consumer,
                                                ip_lists_of_consumers(snapshot), scheme);
  if (auto read = files->read(); !read) faults.push_back("auth." + section.name + ": " + read.error());
  if (!files->files().empty()) part.files = std::move(files);
  policy::ReplayMemory memory{config.passes_once(), snapshot.nonces, nullptr, config.on_store_down};
  if (config.in_redis()) memory.redis = find_part(snapshot.redis, config.replay.name).instance;
  part.signatures =
      std::make_shared<policy::SignatureAuthenticator>(section.name, std::move(scheme), std::move(memory));
  part.authenticator = part.signatures;
}

void make_tickets(const Section& section, const Snapshot& snapshot, AuthPart& part) {
  auto options = std::make_shared<policy::TicketOptions>();
  options->name = section.name;
  options->query = section.value.query;
  options->subprotocol = section.value.subprotocol;
  options->lifetime = section.value.lifetime;
  options->redis = store_of(section, snapshot);
  if (!options->redis) options->table = std::make_shared<policy::SharedTickets>(section.value.cache.count);
  part.authenticator = std::make_shared<policy::TicketAuthenticator>(options);
  part.tickets = std::move(options);
}

}  // namespace

std::shared_ptr<const AuthorizerPart> make_authorizer(const config::Section<policy::AuthorizerConfig>& section,
                                                      const Snapshot& snapshot, unsigned workers, BuildFaults& faults) {
  auto part = std::make_shared<AuthorizerPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  part->service = std::make_shared<const policy::AuthorizerService>(
      section.name, section.value, load_trust("authorizer." + section.name, section.value.ca, faults), workers,
      snapshot.services.at("authorizer." + section.name));
  return part;
}

void inherit_key_uses(const Snapshot& previous, const AuthPart& part) {
  if (!part.api_keys) return;
  for (const auto& before : previous.auth) {
    if (before->name != part.name || !before->api_keys) continue;
    part.api_keys->live().current()->inherit_uses(*before->api_keys->live().current());
  }
}

bool renew_auth_logins(const Snapshot& snapshot) {
  bool renewed = false;
  for (const auto& part : snapshot.auth) {
    if (!part->login) continue;
    const auto* section = find_section(snapshot.config.auth, part->name);
    CHECK(section != nullptr);
    BuildFaults faults;
    bool verifies = part->secret_keys != nullptr;
    auto now = std::make_shared<const crypto::Secret>(verifies ? read_jwt_secret(*section, faults) : read_login(*section, faults));
    bool changed = faults.empty() && now->bytes() != part->login->current()->bytes();
    if (changed && verifies) take_secret(*section, *now, *part->secret_keys, faults);
    for (const std::string& fault : faults) LOG(warn, "secret not renewed", kv("reason", fault));
    if (!changed || !faults.empty()) continue;
    part->login->replace(std::move(now));
    LOG(info, "secret renewed", kv("auth", part->name));
    renewed = true;
  }
  return renewed;
}

std::shared_ptr<const AuthPart> make_auth(const Section& section, const Snapshot& snapshot, unsigned workers,
                                          BuildFaults& faults) {
  auto part = std::make_shared<AuthPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  switch (section.value.type) {
    case AuthType::api_key: make_api_keys(section, snapshot, workers, *part, faults); break;
    case AuthType::mtls:
      part->authenticator = std::make_shared<policy::MtlsAuthenticator>(
          section.name, std::make_shared<const policy::CertificateTable>(snapshot.config.consumer,
                                                                         ip_lists_of_consumers(snapshot)),
          snapshot.revoked_certificates);
      break;
    case AuthType::jwt: make_jwt(section, snapshot, workers, *part, faults); break;
    case AuthType::introspection: make_introspection(section, snapshot, workers, *part, faults); break;
    case AuthType::basic: make_basic(section, snapshot, workers, *part, faults); break;
    case AuthType::signature: make_signature(section, snapshot, *part, faults); break;
    case AuthType::ticket: make_tickets(section, snapshot, *part); break;
  }
  return part;
}

}  // namespace sluice::snapshot
