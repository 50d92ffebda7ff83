// API keys by their hash: who holds them, what they grant, until when; and when each was last used. Const once built,
// but for that; about 75 bytes a key.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "policy/auth/allowed_ips.h"
#include "policy/auth/consumer_config.h"
#include "policy/auth/shared_key_uses.h"
#include "policy/identity.h"

namespace sluice::policy {

/// What many keys may have in common: kept once.
struct Grants {
  std::vector<std::string> scopes;
  std::vector<std::string> roles;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::string>> claims;
  AllowedIps allow_ips;
  auto operator<=>(const Grants&) const = default;
};

class KeyTable {
 public:
  static constexpr size_t kKeysMax = 50'000'000;   // 4 GiB of them
  static constexpr size_t kTextBytesMax = 255;     // of a consumer's name, of an id
  static constexpr size_t kGrantsMax = 1'000'000;  // different ones

  /// One key, as it is found.
  struct Found {
    std::string_view consumer;
    std::string_view id;
    const Grants& grants;
    WallTime expires;
    size_t index = 0;   // in its table

    /// Whether the credential may come from there.
    bool allows(const IpAddress& from, unsigned worker) const { return grants.allow_ips.allow(from, worker); }
  };

  KeyTable();
  /// needs: fewer than kKeysMax keys, texts of at most kTextBytesMax bytes, finish() not called
  /// gives: false when there is another key of this hash
  bool add(const KeyHash& hash, std::string_view consumer, std::string_view id, const Grants& grants, WallTime expires);
  /// Nothing is added any more: gives back what only adding needs.
  void finish();

  /// The reference within holds as long as the table.
  std::optional<Found> find(const KeyHash& hash) const;
  /// In the order in which they were added.
  Found at(size_t index) const;

  /// Any thread, from finish() on.
  void note_use(size_t index, WallTime now) const;
  /// To the second; nothing: not since the gateway started.
  std::optional<WallTime> last_use(size_t index) const;
  /// Takes over what is known of keys that were in an earlier table.
  void inherit_uses(const KeyTable& before) const;

  size_t size() const { return keys_.size(); }
  size_t memory() const;

 private:
  struct Key {
    KeyHash hash;
    uint32_t consumer;   // in texts_
    uint32_t id;         // in texts_
    uint32_t grants;
    uint32_t expires;    // in seconds since 1970; UINT32_MAX: never
  };
  static constexpr uint32_t kEmpty = UINT32_MAX;

  uint32_t keep(std::string_view text);
  std::string_view text(uint32_t at) const;
  size_t slot_of(const KeyHash& hash) const;
  void grow();

  std::array<uint64_t, 2> seed_{};
  std::vector<Key> keys_;
  std::vector<uint32_t> slots_;   // a power of two of them, at most half full; kEmpty or an index of keys_
  std::string texts_;             // each behind a byte that says its length
  uint32_t last_consumer_ = kEmpty;   // neighbours of a file often have the same
  std::vector<Grants> grants_;
  std::map<Grants, uint32_t> known_grants_;   // while keys are added
  std::unique_ptr<SharedKeyUses> uses_;
};

/// An Identity in `arena`, of its own: the table may be replaced while the request is under way.
Identity* make_identity(Arena& arena, const KeyTable::Found& found);

}  // namespace sluice::policy
