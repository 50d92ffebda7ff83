// Tokens that were verified, so that the next request with the same one costs a look. One worker's.
// Knows no time and no generations of its own: who asks says what still counts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "policy/auth/identity_block.h"

namespace sluice::policy {

struct CachedToken {
  IdentityBlock identity;
  std::optional<WallTime> issued;
  WallTime refused_from = WallTime::max();   // when it expires, clock skew counted
  uint32_t keys_generation = 0;              // of the key set that verified it
  uint32_t revocations_generation = 0;       // of the list that did not name it
};

class TokenCache {
 public:
  /// `bytes_max`: of all that it holds; tokens that were not asked for lately go first
  /// `seed_a`, `seed_b`: random, so that nobody can choose tokens that share a place
  TokenCache(size_t bytes_max, uint64_t seed_a, uint64_t seed_b);

  /// gives: what is known of exactly this token, null for nothing; valid until the next insert or
  /// erase. cost: hashing and comparing the text, about 0.2 us for 1 KiB
  CachedToken* find(std::string_view token);
  /// needs: find(token) gave null
  void insert(std::string_view token, CachedToken known);
  void erase(std::string_view token);

  size_t size() const { return live_; }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  struct Entry {
    std::string token;
    CachedToken known;
    uint64_t hash = 0;
    uint32_t next = kNone;   // in its bucket; of a free entry: the next free one
    bool live = false;
    bool used = false;       // since the hand passed
  };
  size_t cost_of(const Entry& entry) const;
  uint32_t& bucket_of(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  uint32_t take_free();
  void grow_buckets();
  void drop(uint32_t index);
  void make_room(size_t bytes);

  size_t bytes_max_;
  uint64_t seed_a_;
  uint64_t seed_b_;
  std::vector<uint32_t> buckets_;
  std::vector<Entry> entries_;
  uint32_t free_ = kNone;
  uint32_t hand_ = 0;
  size_t live_ = 0;
  size_t bytes_ = 0;
};

}  // namespace sluice::policy
