#include "snapshot/auth_parts.h"

#include <utility>

#include "policy/auth/api_key.h"
#include "policy/auth/key_store.h"

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

}  // namespace

std::shared_ptr<const AuthPart> make_auth(const Section& section,
                                          const config::Sections<policy::ConsumerConfig>& consumers,
                                          BuildFaults& faults) {
  auto part = std::make_shared<AuthPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  switch (section.value.type) {
    case AuthType::api_key: make_api_keys(section, consumers, *part, faults); break;
  }
  return part;
}

}  // namespace sluice::snapshot
