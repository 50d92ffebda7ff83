#include "snapshot/auth_parts.h"

#include <utility>

#include "policy/auth/api_key.h"
#include "policy/auth/basic.h"
#include "policy/auth/jwt.h"
#include "policy/auth/jwt_config.h"
#include "policy/auth/jwt_files.h"
#include "policy/auth/key_store.h"
#include "policy/auth/mtls.h"

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

void make_api_keys(const Section& section, const config::Sections<policy::ConsumerConfig>& consumers, AuthPart& part,
                   BuildFaults& faults) {
  const KeyStore& store = section.value.store;
  std::shared_ptr<ApiKeys> keys;
  if (store.kind == KeyStore::Kind::consumers) {
    keys = std::make_shared<ApiKeys>(policy::make_key_table(consumers));
  } else {
    auto table = KeyFile::load(store.file.path);
    if (!table) faults.push_back("auth." + section.name + ": " + store.file.path + ": " + table.error());
    keys = std::make_shared<ApiKeys>(table ? *std::move(table) : no_keys());
    part.files = std::make_shared<KeyFile>("auth." + section.name, store.file.path, keys);
  }
  part.authenticator = std::make_shared<ApiKeyAuthenticator>(section.name, section.value, std::move(keys));
}

std::string about_jwt(const policy::AuthConfig& auth) {
  std::string out = "jwt of " + auth.issuer + ", keys ";
  if (!auth.jwks_file.empty()) return out + "in " + auth.jwks_file.path;
  if (!auth.public_key.empty()) return out + "in " + auth.public_key.path;
  return out + (auth.jwks_uri ? "from " + auth.jwks_uri->value : "by discovery");
}

std::vector<policy::JwtConsumer> consumers_for(const policy::AuthConfig& auth,
                                               const config::Sections<policy::ConsumerConfig>& consumers) {
  std::vector<policy::JwtConsumer> out;
  if (auth.consumer.empty()) return out;
  for (const auto& section : consumers) out.push_back({section.name, section.value.groups, {}});
  return out;
}

std::shared_ptr<policy::RemoteKeys> make_remote(const Section& section, std::shared_ptr<policy::JwtWorld> world,
                                                BuildFaults& faults) {
  auto options = policy::remote_keys_options("auth." + section.name, section.value);
  auto trust = net::TlsClientContext::load({.ca_file = section.value.ca.path});
  if (trust) {
    options.tls = *std::move(trust);
  } else {
    faults.push_back("auth." + section.name + ": " + trust.error().file + ": " + trust.error().reason);
  }
  return std::make_shared<policy::RemoteKeys>(std::move(options), std::move(world));
}

void make_jwt(const Section& section, const config::Sections<policy::ConsumerConfig>& consumers, unsigned workers,
              AuthPart& part, BuildFaults& faults) {
  const policy::AuthConfig& auth = section.value;
  auto world = std::make_shared<policy::JwtWorld>(std::make_shared<const policy::JwtKeySet>(),
                                                  std::make_shared<const policy::Revocations>());
  if (auth.has_key_file() || !auth.revoked.empty()) {
    part.files = std::make_shared<policy::JwtFiles>("auth." + section.name, auth, world);
    auto read = part.files->read();
    if (!read) faults.push_back("auth." + section.name + ": " + read.error());
  }
  if (!auth.has_key_file()) part.remote_keys = make_remote(section, world, faults);
  policy::JwtOptions options;
  options.header = auth.header_name();
  options.settings = policy::jwt_settings(auth, workers);
  options.consumers = consumers_for(auth, consumers);
  options.about = about_jwt(auth);
  part.authenticator = std::make_shared<policy::JwtAuthenticator>(section.name, std::move(options), std::move(world),
                                                                  part.remote_keys);
}

void make_basic(const Section& section, const config::Sections<policy::ConsumerConfig>& consumers, unsigned workers,
                AuthPart& part, BuildFaults& faults) {
  auto users = std::make_shared<policy::UserFile>("auth." + section.name, section.value.file.path);
  if (auto read = users->read(); !read)
    faults.push_back("auth." + section.name + ": " + section.value.file.path + ": " + read.error());
  policy::BasicOptions options;
  options.cache_for = section.value.cache_time();
  options.cache_bytes = section.value.cache.count / workers;
  for (const auto& consumer : consumers) {
    for (const auto& user : consumer.value.users)
      options.holders[user.value] = {consumer.name, policy::grants_of(consumer.value)};
  }
  part.files = users;
  part.authenticator = std::make_shared<policy::BasicAuthenticator>(section.name, std::move(options), std::move(users));
}

}  // namespace

std::shared_ptr<const AuthPart> make_auth(const Section& section,
                                          const config::Sections<policy::ConsumerConfig>& consumers,
                                          unsigned workers, BuildFaults& faults) {
  auto part = std::make_shared<AuthPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  switch (section.value.type) {
    case AuthType::api_key: make_api_keys(section, consumers, *part, faults); break;
    case AuthType::mtls:
      part->authenticator = std::make_shared<policy::MtlsAuthenticator>(
          section.name, std::make_shared<const policy::CertificateTable>(consumers));
      break;
    case AuthType::jwt: make_jwt(section, consumers, workers, *part, faults); break;
    case AuthType::basic: make_basic(section, consumers, workers, *part, faults); break;
  }
  return part;
}

}  // namespace sluice::snapshot
