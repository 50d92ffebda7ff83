#include "snapshot/signing_keys.h"

#include "config/file_text.h"
#include "policy/auth/jwt_files.h"
#include "policy/auth/key_store.h"
#include "snapshot/secrets.h"

namespace sluice::snapshot {

using policy::KeyAlgorithm;
using policy::SigningKey;
using policy::SigningKeyConfig;
using policy::SigningKeys;

namespace {

using Why = std::string;

/// One key of one consumer.
struct Entry {
  const config::Section<policy::ConsumerConfig>& consumer;
  const SigningKeyConfig& key;
  policy::Grants grants;
  WallTime expires() const { return key.expires ? key.expires->at : WallTime::max(); }
};

std::optional<std::string> pem_of(const policy::PublicKeySource& source, Why& why) {
  if (!source.pem.empty()) return source.pem;
  auto text = config::read_file_text(source.file.path, policy::kPublicKeyBytesMax, why,
                                     std::chrono::milliseconds(0));
  if (text && text->size() <= policy::kPublicKeyBytesMax) return text;
  why = source.file.path + ": " + (text ? "too large" : why);
  return std::nullopt;
}

Result<crypto::Secret, Why> secret_of(const SigningKeyConfig& key, config::Environment environment) {
  auto secret = read_secret(key.secret, environment);
  if (!secret) return secret.error();
  if (secret->bytes().size() < policy::kSigningSecretBytesMin)
    return "a secret of less than " + std::to_string(policy::kSigningSecretBytesMin) + " bytes";
  return *std::move(secret);
}

/// gives: empty, or what is wrong
Why add(const Entry& entry, config::Environment environment, SigningKeys& out) {
  const SigningKeyConfig& key = entry.key;
  const std::string& id = key.id.value;
  if (!key.has_secret()) {
    auto made = read_public_signing_key(key);
    if (!made) return made.error();
    out.requests.add({id, entry.consumer.name, *std::move(made), entry.grants, entry.expires()});
    return {};
  }
  auto secret = secret_of(key, environment);
  if (!secret) return secret.error();
  if (key.algorithm == KeyAlgorithm::sigv4) {
    out.aws.add({id, entry.consumer.name, *std::move(secret), entry.grants, entry.expires()});
  } else {
    out.requests.add({id, entry.consumer.name, *SigningKey::from_secret(secret->bytes()), entry.grants,
                      entry.expires()});
  }
  return {};
}

}  // namespace

Result<SigningKey, Why> read_public_signing_key(const SigningKeyConfig& key) {
  Why why;
  auto pem = pem_of(key.public_key, why);
  if (!pem) return why;
  std::string place = key.public_key.pem.empty() ? key.public_key.file.path + ": " : Why();
  auto made = crypto::PublicKey::from_pem(*pem);
  if (!made) return place + made.error().what;
  auto algorithm = policy::signing_algorithm_from(
      config::Choices<KeyAlgorithm>::names[static_cast<size_t>(key.algorithm)]);
  auto signing = SigningKey::from_public_key(*made, *algorithm);
  if (!signing) return place + signing.error().what;
  return *std::move(signing);
}

Result<SigningKeys, Why> read_signing_keys(const config::Sections<policy::ConsumerConfig>& consumers,
                                           const policy::IpLists& lists, config::Environment environment) {
  SigningKeys out;
  for (const auto& consumer : consumers) {
    for (const SigningKeyConfig& key : consumer.value.signing_keys) {
      Why why = add({consumer, key, policy::grants_of(consumer.value, lists)}, environment, out);
      if (!why.empty()) return "consumer." + consumer.name + ", key " + key.id.value + ": " + why;
    }
  }
  return out;
}

SigningKeyFiles::SigningKeyFiles(std::string name,
                                 const config::Sections<policy::ConsumerConfig>& consumers,
                                 policy::IpLists lists, std::shared_ptr<policy::SignatureScheme> scheme)
    : name_(std::move(name)), lists_(std::move(lists)), scheme_(std::move(scheme)) {
  for (const auto& consumer : consumers) {
    if (!consumer.value.signing_keys.empty()) consumers_.push_back(consumer);
  }
}

std::vector<std::string> SigningKeyFiles::files() const {
  std::vector<std::string> files;
  for (const auto& consumer : consumers_) {
    for (const SigningKeyConfig& key : consumer.value.signing_keys) {
      if (key.secret.kind == config::SecretSource::Kind::file) files.push_back(key.secret.place);
      if (!key.public_key.file.empty()) files.push_back(key.public_key.file.path);
    }
  }
  return files;
}

Result<policy::FilesSummary, Why> SigningKeyFiles::read() {
  auto keys = read_signing_keys(consumers_, lists_, config::process_environment);
  if (!keys) return keys.error();
  return policy::FilesSummary{std::to_string(scheme_->replace(*std::move(keys))) + " keys"};
}

}  // namespace sluice::snapshot
