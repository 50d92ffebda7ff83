// Keys and revocation list of one [auth.NAME] as files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/auth/auth_config.h"
#include "policy/auth/jwt_verifier.h"
#include "policy/live_files.h"

namespace sluice::policy {

/// The key file of a table that has one. errors: what is wrong with it
Result<JwtKeySetText, std::string> read_key_text(const AuthConfig& auth, const std::string& text);

/// One public key or certificate in PEM: larger files are something else.
inline constexpr size_t kPublicKeyBytesMax = 64 * 1024;

class JwtFiles final : public LiveFiles {
 public:
  /// `name`: "auth.customers"
  JwtFiles(std::string name, const AuthConfig& auth, std::shared_ptr<JwtWorld> world);

  const std::string& name() const override { return name_; }
  std::vector<std::string> files() const override;
  /// What did not change stays as it is: cached verdicts too.
  Result<FilesSummary, std::string> read() override;

 private:
  /// gives: empty, or what is wrong
  std::string read_keys();
  std::string read_revoked();

  std::string name_;
  AuthConfig auth_;
  std::shared_ptr<JwtWorld> world_;
  uint64_t keys_fingerprint_ = 0;
  uint64_t revoked_fingerprint_ = 0;
};

}  // namespace sluice::policy
