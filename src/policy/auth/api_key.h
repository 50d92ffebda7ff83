// type = "api_key": a key in a header field or a query parameter, known by its SHA-256.
#pragma once

#include <memory>
#include <string>

#include "base/live.h"
#include "base/per_worker.h"
#include "crypto/digest.h"
#include "policy/ask/store_desk.h"
#include "policy/auth/auth_config.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/key_table.h"
#include "policy/auth/shared_stored_uses.h"
#include "policy/auth/subprotocol.h"
#include "policy/live_files.h"

namespace sluice::policy {

/// Keys longer than this are not looked at: those of `sluice key new` have 40 bytes, others a few hundred.
inline constexpr size_t kApiKeyBytesMax = 4096;
/// Of one key's line in a file, or text in Redis.
inline constexpr size_t kKeyLineBytesMax = 64 * 1024;

/// The keys of one store, and how they come to be.
class ApiKeys {
 public:
  explicit ApiKeys(std::shared_ptr<const KeyTable> keys) : live_(std::move(keys)) {}
  const Live<KeyTable>& live() const { return live_; }
  /// What the keys before were used for last is known of those that are among these too.
  void replace(std::shared_ptr<const KeyTable> keys) {
    std::shared_ptr<const KeyTable> before = live_.current();
    live_.replace(keys);
    keys->inherit_uses(*before);   // now: as little as can be is noted in the old table meanwhile
  }

 private:
  Live<KeyTable> live_;
};

/// Names of keys in Redis: this, and the hash in hex.
inline constexpr std::string_view kStoredKeyPrefix = "sluice:key:";
struct KeyLine;
struct StoredKey;

/// Where keys are looked up one by one.
struct KeyLookup {
  std::shared_ptr<const redis::Instance> redis;   // null: nowhere
  size_t bytes_max = 0;   // of what one worker knows of them
};

class ApiKeyAuthenticator final : public Authenticator {
 public:
  /// `keys`: null in a snapshot that is not used, because its file could not be read, and with a `lookup`
  ApiKeyAuthenticator(std::string name, const AuthConfig& config, std::shared_ptr<const ApiKeys> keys,
                      KeyLookup lookup = {});

  std::string_view name() const override { return name_; }
  std::string describe() const override;
  Outcome authenticate(Call& call) const override;
  std::string_view challenge(Arena& arena, const http::Problem* problem) const override;
  void remove_credential(http::Head& request, Arena& arena) const override;
  void clean_response(http::Head& response) const override { subprotocol_.clean(response); }
  uint32_t revocation_generation() const override { return lookup_.redis ? 0 : keys_->live().generation(); }
  bool revoked(const AcceptedCredential& credential) const override;
  size_t rechecks_max(unsigned worker) const override {
    return lookup_.redis ? store_rechecks_max(*lookup_.redis, worker) : 0;
  }
  Outcome recheck(Call& call, const AcceptedCredential& credential, TimePoint since) const override;

 private:
  struct Worker {
    LiveView<KeyTable> keys;
    crypto::Hasher hasher{crypto::Digest(crypto::Hash::sha256)};
    std::shared_ptr<StoreDesk<StoredKey>> stored;   // made at its first use
  };
  struct Given {
    std::string_view key;
    size_t count = 0;   // credentials of this kind
  };
  Given find(const http::Head& request) const;
  /// `line`: of what is accepted, valid until the loop turns
  Outcome look_up(Call& call, const KeyHash& hash, TimePoint since, const KeyLine*& line) const;
  Outcome judge(Call& call, const KeyHash& hash, const KeyTable::Found& found) const;

  std::string name_;
  std::string header_;
  http::FieldId header_id_;
  std::string query_;
  Subprotocol subprotocol_;
  std::string challenge_;
  std::shared_ptr<const ApiKeys> keys_;
  KeyLookup lookup_;
  std::shared_ptr<SharedStoredUses> uses_;   // with a lookup
  PerWorker<Worker> workers_;
};

}  // namespace sluice::policy
