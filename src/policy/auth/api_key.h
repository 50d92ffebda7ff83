// type = "api_key": a key in a header field or a query parameter, known by its SHA-256.
#pragma once

#include <memory>
#include <string>

#include "base/live.h"
#include "base/per_worker.h"
#include "crypto/digest.h"
#include "policy/auth/auth_config.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/key_table.h"
#include "policy/live_files.h"

namespace sluice::policy {

/// Keys longer than this are not looked at: those of `sluice key new` have 40 bytes, others a few hundred.
inline constexpr size_t kApiKeyBytesMax = 4096;

/// The keys of one store, and how they come to be.
class ApiKeys {
 public:
  explicit ApiKeys(std::shared_ptr<const KeyTable> keys) : live_(std::move(keys)) {}
  const Live<KeyTable>& live() const { return live_; }
  void replace(std::shared_ptr<const KeyTable> keys) { live_.replace(std::move(keys)); }

 private:
  Live<KeyTable> live_;
};

class ApiKeyAuthenticator final : public Authenticator {
 public:
  /// `keys`: null in a snapshot that is not used, because its file could not be read
  ApiKeyAuthenticator(std::string name, const AuthConfig& config, std::shared_ptr<const ApiKeys> keys);

  std::string_view name() const override { return name_; }
  std::string describe() const override;
  Outcome authenticate(Call& call) const override;
  std::string_view challenge(Arena& arena, const http::Problem* problem) const override;
  void remove_credential(http::Head& request, Arena& arena) const override;

 private:
  struct Worker {
    LiveView<KeyTable> keys;
    crypto::Hasher hasher{crypto::Digest(crypto::Hash::sha256)};
  };
  struct Given {
    std::string_view key;
    size_t count = 0;   // credentials of this kind
  };
  Given find(const http::Head& request) const;

  std::string name_;
  std::string header_;
  http::FieldId header_id_;
  std::string query_;
  std::string challenge_;
  std::shared_ptr<const ApiKeys> keys_;
  PerWorker<Worker> workers_;
};

}  // namespace sluice::policy
