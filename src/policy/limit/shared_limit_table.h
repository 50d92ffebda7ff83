// Where every key of every in-memory limit stands: one table for the whole process, however many workers. A key that is
// there is charged without a lock; one that is new takes the place of one that says nothing any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/hash.h"
#include "base/shared_count.h"
#include "policy/limit/rule.h"

namespace sluice::policy {

/// Whose count: a keyed hash of limit, scope and values (limit_key.h), 128 bits, so that nobody meets another's by
/// accident or on purpose.
using LimitKey = Hash128;

/// Memory ordering: an entry is its key, `meta` and `word`. A reader that finds the key (acquire) changes `word` alone,
/// by compare-and-swap. Who reuses an entry holds the lock of its bucket, freezes `word` by compare-and-swap (from then
/// on every other swap fails), stores key and meta, and stores the new word with release. A reader that loaded a word
/// compares the key once more: a word of the new owner comes with the new key. A swap that expects an old word cannot
/// succeed on a new one: times only grow, and the word of a concurrency count has a generation of its own.
class SharedLimitTable {
 public:
  /// `bytes_max`: of the entries, 32 bytes a key; rounded down to a power of two, at least kBytesLeast
  SharedLimitTable(size_t bytes_max, Hash128 seed);
  SharedLimitTable(const SharedLimitTable&) = delete;
  ~SharedLimitTable();

  static constexpr size_t kBytesLeast = 4096;

  /// Any worker. needs: 1 <= cost <= rule.most; a rule that is not a concurrency count
  Standing charge(const LimitKey& key, const LimitRule& rule, uint64_t now, uint64_t cost, Charge how);
  /// Gives back what charge() took.
  void refund(const LimitKey& key, const LimitRule& rule, uint64_t now, uint64_t cost);

  /// One of the requests in flight that a concurrency count has let in.
  class Pass {
   public:
    bool is_none() const { return word_ == nullptr; }

   private:
    friend class SharedLimitTable;
    std::atomic<uint64_t>* word_ = nullptr;
  };
  /// Counts one more at the same time, if there is room. `pass` is to be given back by leave(); it stays none when there
  /// was no room, or every place in the table is taken by such counts (which then lets all through).
  Standing enter(const LimitKey& key, const LimitRule& rule, uint64_t now, Pass& pass);
  void leave(Pass& pass);

  /// Keys that fit.
  size_t capacity() const { return buckets_ * kWays; }
  /// Times that a key was forgotten although something of it was used: the table is too small for its keys.
  uint64_t forgotten() const { return forgotten_.value(); }
  const Hash128& seed() const { return seed_; }

 private:
  static constexpr size_t kWays = 8;                        // entries of a bucket: four cache lines
  static constexpr uint64_t kFrozen = UINT64_MAX;           // no word of any kind

  struct Entry {
    std::atomic<uint64_t> low, high;                        // both 0: empty
    std::atomic<uint64_t> word;
    std::atomic<uint64_t> meta;                             // kind (2 bits), most (6 bits: its width), window (56 bits)
  };
  static_assert(sizeof(Entry) == 32);

  static uint64_t meta_of(const LimitRule& rule);
  Entry* bucket_of(const LimitKey& key) const { return entries_ + (key.high & (buckets_ - 1)) * kWays; }
  Entry* find(Entry* bucket, const LimitKey& key) const;
  /// gives: the key's entry and the word that it then had; null and 0 when it is not there
  Entry* load(const LimitKey& key, uint64_t& word) const;
  Entry* choose(Entry* bucket, uint64_t now);
  /// Runs `change(word, &next)` until its answer could be stored; makes the entry when the key is new.
  /// gives: the entry; null when the key is new and there is no place for it
  template <class Change>
  Entry* update(const LimitKey& key, const LimitRule& rule, uint64_t now, Change change);
  template <class Change>
  Entry* insert(const LimitKey& key, const LimitRule& rule, uint64_t now, Change change);

  Hash128 seed_;
  size_t buckets_;
  void* memory_;
  Entry* entries_;
  std::unique_ptr<std::atomic<uint8_t>[]> locks_;           // one of each bucket, held while a key is new
  std::atomic<uint32_t> generation_{1};
  SharedCount forgotten_;
};

}  // namespace sluice::policy
