// Secrets: there, where the file says that they are. Their contents stay where they are.
#include <algorithm>

#include "policy/auth/jwt_config.h"
#include "policy/signature/signing_key.h"
#include "snapshot/config_check.h"
#include "snapshot/secrets.h"

namespace sluice::snapshot {

using config::IssueKind;

namespace {

// Only the service's user and environment can tell.
constexpr IssueKind kSecretUnresolved{"secret_unresolved", config::Severity::unchecked};

constexpr IssueKind kSecretShort{"secret_too_short"};

void check(const config::SecretSource& source, const std::string& what, config::Environment environment,
           config::Document& document, size_t bytes_min = 0) {
  if (source.empty()) return;
  auto secret = read_secret(source, environment);
  if (secret && secret->bytes().size() >= bytes_min) return;
  if (secret) {
    document.issues.add(kSecretShort, source.at,
                        what + " has less than " + std::to_string(bytes_min) + " bytes");
    return;
  }
  document.issues.add(kSecretUnresolved, source.at, what + ": " + secret.error()).note =
      "check as the service's own user and in its environment, with --as-service";
}

/// RFC 7518 section 3.2: at least as long as the hash. Algorithms of longer ones are left out when none was asked for.
size_t jwt_secret_bytes_min(const policy::AuthConfig& auth) {
  size_t most = 32;
  for (policy::JwtAlgorithm algorithm : auth.algorithms) {
    if (policy::is_symmetric(algorithm)) most = std::max(most, crypto::digest_bytes(policy::hash_of(algorithm)));
  }
  return most;
}

}  // namespace

void check_secrets(const Config& config, config::Document& document, config::Environment environment) {
  for (const auto& section : config.auth) {
    check(section.value.client_secret, "client_secret of [auth." + section.name + "]", environment, document);
    check(section.value.secret, "secret of [auth." + section.name + "]", environment, document,
          jwt_secret_bytes_min(section.value));
  }
  for (const auto& section : config.redis) {
    const std::string table = "[redis." + section.name + "]";
    check(section.value.password, "password of " + table, environment, document);
    check(section.value.sentinel_password, "sentinel_password of " + table, environment, document);
  }
  if (config.log.audit) check(config.log.audit->key, "key of [log.audit]", environment, document);
  for (const auto& section : config.consumer) {
    for (const policy::SigningKeyConfig& key : section.value.signing_keys) {
      check(key.secret, "secret of key \"" + key.id.value + "\" of [consumer." + section.name + "]", environment,
            document, policy::kSigningSecretBytesMin);
    }
  }
}

}  // namespace sluice::snapshot
