#include "policy/auth/token_cache.h"

#include "base/check.h"
#include "base/hash.h"

namespace sluice::policy {
namespace {

constexpr size_t kBucketsAtFirst = 64;

}  // namespace

TokenCache::TokenCache(size_t bytes_max, uint64_t seed_a, uint64_t seed_b)
    : bytes_max_(bytes_max), seed_a_(seed_a), seed_b_(seed_b), buckets_(kBucketsAtFirst, kNone) {}

size_t TokenCache::cost_of(const Entry& entry) const {
  // Each entry has a bucket or two, and the vectors have room to grow.
  return 2 * sizeof(Entry) + entry.token.capacity() + entry.known.identity.bytes();
}

CachedToken* TokenCache::find(std::string_view token) {
  uint64_t hash = siphash(seed_a_, seed_b_, token);
  for (uint32_t index = bucket_of(hash); index != kNone; index = entries_[index].next) {
    Entry& entry = entries_[index];
    if (entry.hash != hash || entry.token != token) continue;
    entry.used = true;
    return &entry.known;
  }
  return nullptr;
}

void TokenCache::insert(std::string_view token, CachedToken known) {
  Entry entry;
  entry.token = token;
  entry.known = std::move(known);
  entry.hash = siphash(seed_a_, seed_b_, token);
  entry.live = true;
  size_t cost = cost_of(entry);
  if (cost > bytes_max_) return;
  make_room(cost);
  if (live_ >= buckets_.size()) grow_buckets();
  uint32_t index = take_free();
  uint32_t& bucket = bucket_of(entry.hash);
  entry.next = bucket;
  entries_[index] = std::move(entry);
  bucket = index;
  ++live_;
  bytes_ += cost;
}

uint32_t TokenCache::take_free() {
  if (free_ == kNone) {
    entries_.emplace_back();
    return static_cast<uint32_t>(entries_.size() - 1);
  }
  uint32_t index = free_;
  free_ = entries_[index].next;
  return index;
}

void TokenCache::grow_buckets() {
  buckets_.assign(buckets_.size() * 2, kNone);
  for (uint32_t index = 0; index < entries_.size(); ++index) {
    if (!entries_[index].live) continue;
    uint32_t& bucket = bucket_of(entries_[index].hash);
    entries_[index].next = bucket;
    bucket = index;
  }
}

void TokenCache::drop(uint32_t index) {
  Entry& entry = entries_[index];
  uint32_t* link = &bucket_of(entry.hash);
  while (*link != index) {
    CHECK(*link != kNone);
    link = &entries_[*link].next;
  }
  *link = entry.next;
  bytes_ -= cost_of(entry);
  --live_;
  entry = Entry();
  entry.next = free_;
  free_ = index;
}

void TokenCache::erase(std::string_view token) {
  uint64_t hash = siphash(seed_a_, seed_b_, token);
  for (uint32_t index = bucket_of(hash); index != kNone; index = entries_[index].next) {
    if (entries_[index].hash == hash && entries_[index].token == token) return drop(index);
  }
}

/// A clock: the hand takes the first that was not asked for since it passed last.
void TokenCache::make_room(size_t bytes) {
  while (bytes_ + bytes > bytes_max_ && live_ > 0) {
    hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
    Entry& entry = entries_[hand_];
    if (!entry.live) continue;
    if (entry.used) {
      entry.used = false;
      continue;
    }
    drop(hand_);
  }
}

}  // namespace sluice::policy
