#include "policy/limit/shared_limit_table.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <thread>

#include "base/check.h"

namespace sluice::policy {
namespace {

constexpr size_t kLine = 64;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

// Held for some tens of instructions; a holder that was put to sleep is waited for without burning its core.
class BucketLock {
 public:
  explicit BucketLock(std::atomic<uint8_t>& lock) : lock_(lock) {
    for (unsigned tries = 0; lock_.exchange(1, kAcquire) != 0; ++tries) {
      if (tries > 100) std::this_thread::yield();
    }
  }
  ~BucketLock() { lock_.store(0, kRelease); }
  BucketLock(const BucketLock&) = delete;

 private:
  std::atomic<uint8_t>& lock_;
};

struct Meta {
  explicit Meta(uint64_t meta)
      : kind(static_cast<LimitKind>(meta & 3)), most_width((meta >> 2) & 63), window(static_cast<int64_t>(meta >> 8)) {}
  LimitKind kind;
  uint64_t most_width;
  Duration window;

  /// How much of the limit is used, roughly: what would be lost by forgetting it.
  double used(uint64_t word, uint64_t now) const {
    double most = static_cast<double>(uint64_t{1} << most_width);
    switch (kind) {
      case LimitKind::gcra: return static_cast<double>(word - now) / static_cast<double>(window.count());
      case LimitKind::sliding: return static_cast<double>(word & kSlidingCountMask) / most;
      case LimitKind::quota: return static_cast<double>(word & kCountMax) / most;
      case LimitKind::concurrency: return 2;   // is kept, whatever the others say
    }
    return 0;
  }
};

LimitKey never_empty(LimitKey key) {
  key.low |= 1;
  return key;
}

}  // namespace

SharedLimitTable::SharedLimitTable(size_t bytes_max, Hash128 seed)
    : seed_(seed), buckets_(std::bit_floor(std::max(bytes_max, kBytesLeast) / (kWays * sizeof(Entry)))) {
  // From calloc, whose pages the kernel gives when they are first written: a table costs what it holds.
  memory_ = std::calloc(buckets_ * kWays + kLine / sizeof(Entry), sizeof(Entry));
  CHECK(memory_ != nullptr);
  auto address = (reinterpret_cast<uintptr_t>(memory_) + kLine - 1) & ~(kLine - 1);
  entries_ = reinterpret_cast<Entry*>(address);   // all zero is a good Entry: lock-free atomics are plain words
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  locks_ = std::make_unique<std::atomic<uint8_t>[]>(buckets_);
}

SharedLimitTable::~SharedLimitTable() { std::free(memory_); }

uint64_t SharedLimitTable::meta_of(const LimitRule& rule) {
  auto width = static_cast<uint64_t>(std::bit_width(rule.most));
  return static_cast<uint64_t>(rule.kind) | std::min<uint64_t>(width, 63) << 2 |
         static_cast<uint64_t>(rule.window.count()) << 8;
}

SharedLimitTable::Entry* SharedLimitTable::find(Entry* bucket, const LimitKey& key) const {
  for (Entry* entry = bucket; entry != bucket + kWays; ++entry) {
    if (entry->low.load(kAcquire) == key.low && entry->high.load(kAcquire) == key.high) return entry;
  }
  return nullptr;
}

SharedLimitTable::Entry* SharedLimitTable::load(const LimitKey& key, uint64_t& word) const {
  word = 0;
  Entry* entry = find(bucket_of(key), key);
  if (entry == nullptr) return nullptr;
  uint64_t loaded = entry->word.load(kAcquire);
  bool same = entry->low.load(kRelaxed) == key.low && entry->high.load(kRelaxed) == key.high;
  if (loaded == kFrozen || !same) return nullptr;
  word = loaded;
  return entry;
}

template <class Change>
SharedLimitTable::Entry* SharedLimitTable::update(const LimitKey& key, const LimitRule& rule, uint64_t now,
                                                  Change change) {
  for (;;) {
    uint64_t word = 0;
    Entry* entry = load(key, word);
    uint64_t next = word;
    if (entry == nullptr) return insert(key, rule, now, change);
    if (!change(word, next) || next == word) return entry;
    if (entry->word.compare_exchange_strong(word, next, std::memory_order_acq_rel, kRelaxed)) return entry;
  }
}

template <class Change>
SharedLimitTable::Entry* SharedLimitTable::insert(const LimitKey& key, const LimitRule& rule, uint64_t now,
                                                  Change change) {
  Entry* bucket = bucket_of(key);
  BucketLock lock(locks_[key.high & (buckets_ - 1)]);
  if (Entry* entry = find(bucket, key)) {   // another worker was first; while we hold the lock it stays
    for (uint64_t word = entry->word.load(kAcquire), next = word;; next = word) {
      if (!change(word, next) || next == word) return entry;
      if (entry->word.compare_exchange_strong(word, next, std::memory_order_acq_rel, kAcquire)) return entry;
    }
  }
  uint64_t first = rule.kind == LimitKind::concurrency ? uint64_t{generation_.fetch_add(1, kRelaxed)} << 32 : 0;
  uint64_t next = first;
  if (!change(first, next) || next == first) return nullptr;   // nothing to remember
  Entry* entry = choose(bucket, now);
  if (entry == nullptr) return nullptr;
  entry->meta.store(meta_of(rule), kRelaxed);
  entry->high.store(key.high, kRelease);
  entry->low.store(key.low, kRelease);
  entry->word.store(next, kRelease);
  return entry;
}

// An entry that is empty, or says nothing, or else the one of which the least is lost; its word is frozen. gives: null
// when all are counts of what is in flight. needs: the bucket's lock
SharedLimitTable::Entry* SharedLimitTable::choose(Entry* bucket, uint64_t now) {
  for (;;) {
    Entry* best = nullptr;
    uint64_t best_word = 0;
    double least = 2;
    for (Entry* entry = bucket; entry != bucket + kWays; ++entry) {
      if (entry->low.load(kRelaxed) == 0) {
        entry->word.store(kFrozen, kRelaxed);   // nobody can find it: nobody swaps it
        return entry;
      }
      uint64_t word = entry->word.load(kAcquire);
      Meta meta(entry->meta.load(kRelaxed));
      double used = is_unused(meta.kind, meta.window, word, now) ? 0 : meta.used(word, now);
      if (used >= least) continue;
      least = used;
      best = entry;
      best_word = word;
    }
    if (best == nullptr) return nullptr;
    if (!best->word.compare_exchange_strong(best_word, kFrozen, std::memory_order_acq_rel, kRelaxed)) continue;
    if (least > 0) forgotten_.take();
    return best;
  }
}

Standing SharedLimitTable::charge(const LimitKey& asked, const LimitRule& rule, uint64_t now, uint64_t cost,
                                  Charge how) {
  LimitKey key = never_empty(asked);
  Charged charged;
  if (how == Charge::look) {
    uint64_t word = 0;
    load(key, word);
    return policy::charge(rule, word, now, cost, how).standing;
  }
  update(key, rule, now, [&](uint64_t word, uint64_t& next) {
    charged = policy::charge(rule, word, now, cost, how);
    next = charged.word;
    return true;
  });
  return charged.standing;
}

void SharedLimitTable::refund(const LimitKey& asked, const LimitRule& rule, uint64_t now, uint64_t cost) {
  LimitKey key = never_empty(asked);
  for (uint64_t word = 0;;) {
    Entry* entry = load(key, word);
    if (entry == nullptr) return;   // forgotten: there is nothing to give back to
    uint64_t next = policy::refund(rule, word, now, cost);
    if (entry->word.compare_exchange_strong(word, next, std::memory_order_acq_rel, kRelaxed)) return;
  }
}

Standing SharedLimitTable::enter(const LimitKey& asked, const LimitRule& rule, uint64_t now, Pass& pass) {
  LimitKey key = never_empty(asked);
  Standing out;
  Entry* entry = update(key, rule, now, [&](uint64_t word, uint64_t& next) {
    uint64_t count = word & kCountMax;
    out.allowed = count < rule.most;
    out.remaining = out.allowed ? rule.most - count - 1 : 0;
    next = word + 1;
    return out.allowed;
  });
  if (entry != nullptr && out.allowed) pass.word_ = &entry->word;
  return out;
}

void SharedLimitTable::leave(Pass& pass) {
  if (pass.word_ == nullptr) return;
  pass.word_->fetch_sub(1, std::memory_order_acq_rel);   // a count above zero is never moved
  pass.word_ = nullptr;
}

}  // namespace sluice::policy
