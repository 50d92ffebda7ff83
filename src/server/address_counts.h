// How many connections each client address has, over all workers: for listen.NAME.limits.per_ip. An entry
// exists only while a connection does, so the table is never larger than the connections are many.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ip.h"

namespace sluice::server {

/// Touched when a connection is accepted and when it ends, never by a request. Each shard has its own lock.
class SharedAddressCounts {
 public:
  /// Connections that one address may have beyond its limit, only to be told 503.
  static constexpr uint32_t kToldMax = 10;   // what a browser opens at once, and some

  enum class Place : uint8_t {
    served,
    told,   // beyond the limit: is to be told so
    none,   // nothing was counted: is to be closed at once
  };

  /// `seed`: keys come from outside, so that nobody may choose them to collide
  explicit SharedAddressCounts(uint64_t seed);
  SharedAddressCounts(const SharedAddressCounts&) = delete;

  /// Counts a connection of `address` to a listener; IPv6 by its /64, which is what one subscriber gets.
  Place take(uint32_t listener, const IpAddress& address, uint32_t limit);
  /// needs: `place` as take() gave it, served or told
  void give(uint32_t listener, const IpAddress& address, Place place);
  /// Addresses that have a connection at present.
  size_t addresses() const;

 private:
  struct Key {
    uint64_t high = 0;       // the address, or its first half
    uint32_t listener = 0;
    bool v6 = false;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    uint64_t seed;
    size_t operator()(const Key& key) const;
  };
  struct Count {
    uint32_t served = 0;
    uint32_t told = 0;
  };
  struct alignas(64) Shard {
    mutable std::mutex lock;
    std::unordered_map<Key, Count, Hash> counts;
  };
  static constexpr size_t kShards = 64;   // workers rarely meet in one

  static Key key_of(uint32_t listener, const IpAddress& address);
  Shard& shard_of(const Key& key) { return shards_[Hash{seed_}(key) >> 58]; }

  uint64_t seed_;
  std::array<Shard, kShards> shards_;
};

}  // namespace sluice::server
