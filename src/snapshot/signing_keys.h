// The signing keys of consumers: read from where the configuration says that they are, and again
// when a file of theirs changes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/load.h"
#include "policy/auth/allowed_ips.h"
#include "policy/auth/consumer_config.h"
#include "policy/live_files.h"
#include "policy/signature/signature_scheme.h"

namespace sluice::snapshot {

/// Where a consumer's key with a public part is. errors: what is wrong with it, without any of it
Result<policy::SigningKey, std::string> read_public_signing_key(const policy::SigningKeyConfig& key);

/// needs: no two keys with one id; `lists` has every list that the consumers name (load_config checked both)
/// errors: "consumer.acme, key s1: ..." of the first that is not good
Result<policy::SigningKeys, std::string> read_signing_keys(
    const config::Sections<policy::ConsumerConfig>& consumers, const policy::IpLists& lists,
    config::Environment environment);

class SigningKeyFiles final : public policy::LiveFiles {
 public:
  /// `name`: "auth.bank"
  /// needs: as read_signing_keys
  SigningKeyFiles(std::string name, const config::Sections<policy::ConsumerConfig>& consumers,
                  policy::IpLists lists, std::shared_ptr<policy::SignatureScheme> scheme);

  const std::string& name() const override { return name_; }
  /// Of secrets and public keys; none when all stand in the configuration and its environment.
  std::vector<std::string> files() const override;
  Result<policy::FilesSummary, std::string> read() override;

 private:
  std::string name_;
  config::Sections<policy::ConsumerConfig> consumers_;
  policy::IpLists lists_;   // that they name
  std::shared_ptr<policy::SignatureScheme> scheme_;
};

}  // namespace sluice::snapshot
