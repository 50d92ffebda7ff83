#include "policy/signature/shared_nonces.h"

#include <algorithm>
#include <cstring>

namespace sluice::policy {
namespace {

constexpr WallTime kEmpty = WallTime::min();
constexpr size_t kPlacesMin = 64;

uint64_t word_of(const ReplayId& id, size_t offset) {
  uint64_t word;
  std::memcpy(&word, id.data() + offset, sizeof word);
  return word;
}

}  // namespace

/// A table with open addressing, at most half full. Ids are digests, so any bits of one are a hash.
struct SharedNonces::Shard {
  Answer take(const ReplayId& id, WallTime until, WallTime now);

  Entry& place_of(const ReplayId& id) {
    size_t at = word_of(id, 8) & (places.size() - 1);
    while (places[at].until != kEmpty && places[at].id != id) at = (at + 1) & (places.size() - 1);
    return places[at];
  }
  /// Forgets what is past; makes the table as large as what is left needs.
  void rebuild(WallTime now) {
    std::vector<Entry> old = std::move(places);
    auto lives = [now](const Entry& entry) { return entry.until != kEmpty && entry.until > now; };
    count = static_cast<size_t>(std::ranges::count_if(old, lives));
    size_t size = kPlacesMin;
    while (size < 4 * count) size *= 2;
    places.assign(size, Entry{{}, kEmpty});
    earliest = WallTime::max();
    looked_at = now;
    for (const Entry& entry : old) {
      if (!lives(entry)) continue;
      place_of(entry.id) = entry;
      earliest = std::min(earliest, entry.until);
    }
  }

  mutable std::mutex mutex;
  std::vector<Entry> places;   // none, or a power of two
  size_t count = 0;
  size_t count_max = 0;
  WallTime earliest = WallTime::max();   // of all entries: nothing can be forgotten before
  WallTime looked_at{};
};

SharedNonces::Answer SharedNonces::Shard::take(const ReplayId& id, WallTime until, WallTime now) {
  std::lock_guard lock(mutex);
  if (!places.empty()) {
    Entry& there = place_of(id);
    if (there.until != kEmpty) {
      if (there.until > now) return Answer::used;
      there.until = until;
      return Answer::fresh;
    }
  }
  // A full table is not looked through for every request: when something may be forgotten, and once
  // a second (or when the clock was set back).
  bool full = count >= count_max;
  bool looked = now >= looked_at && now < looked_at + std::chrono::seconds(1);
  if (full && (earliest > now || looked)) return Answer::full;
  if (full || 2 * (count + 1) > places.size()) rebuild(now);
  if (count >= count_max) return Answer::full;
  place_of(id) = Entry{id, until};
  ++count;
  earliest = std::min(earliest, until);
  return Answer::fresh;
}

SharedNonces::SharedNonces(size_t count_max)
    : shards_(std::make_unique<std::array<Shard, kShards>>()) {
  for (Shard& shard : *shards_) shard.count_max = std::max<size_t>(count_max / kShards, 1);
}

SharedNonces::~SharedNonces() = default;

SharedNonces::Answer SharedNonces::take(const ReplayId& id, WallTime until, WallTime now) {
  if (until <= now) return Answer::used;   // nothing that is past may pass
  return (*shards_)[word_of(id, 0) % kShards].take(id, until, now);
}

size_t SharedNonces::size() const {
  size_t sum = 0;
  for (const Shard& shard : *shards_) {
    std::lock_guard lock(shard.mutex);
    sum += shard.count;
  }
  return sum;
}

}  // namespace sluice::policy
