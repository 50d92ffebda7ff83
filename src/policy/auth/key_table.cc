#include "policy/auth/key_table.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace sluice::policy {
namespace {

constexpr uint32_t kForever = UINT32_MAX;
constexpr size_t kSlotsFirst = 16;

uint32_t pack(WallTime at) {
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, kForever));
}

std::string_view bytes_of(const KeyHash& hash) {
  return {reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()};
}

std::span<const std::string_view> copy_all(Arena& arena, const std::vector<std::string>& from) {
  auto* out = arena.array<std::string_view>(from.size());
  for (size_t i = 0; i < from.size(); ++i) out[i] = arena.copy(from[i]);
  return {out, from.size()};
}

}  // namespace

KeyTable::KeyTable() {
  crypto::fill_random({reinterpret_cast<unsigned char*>(seed_.data()), sizeof(seed_)});
}

// Of the first free slot, or of the one that holds this hash.
size_t KeyTable::slot_of(const KeyHash& hash) const {
  uint64_t start = siphash(seed_[0], seed_[1], bytes_of(hash));   // seeded: a file may hold what is no digest
  size_t mask = slots_.size() - 1;
  for (size_t slot = start & mask;; slot = (slot + 1) & mask) {
    uint32_t key = slots_[slot];
    if (key == kEmpty || crypto::equal_constant_time(bytes_of(keys_[key].hash), bytes_of(hash))) return slot;
  }
}

void KeyTable::grow() {
  slots_.assign(std::max(kSlotsFirst, slots_.size() * 2), kEmpty);
  for (uint32_t i = 0; i < keys_.size(); ++i) slots_[slot_of(keys_[i].hash)] = i;
}

uint32_t KeyTable::keep(std::string_view text) {
  CHECK(text.size() <= kTextBytesMax);
  auto at = narrow<uint32_t>(texts_.size());
  texts_ += static_cast<char>(text.size());
  texts_ += text;
  return at;
}

std::string_view KeyTable::text(uint32_t at) const {
  return std::string_view(texts_).substr(at + 1, static_cast<unsigned char>(texts_[at]));
}

bool KeyTable::add(const KeyHash& hash, std::string_view consumer, std::string_view id, const Grants& grants,
                   WallTime expires) {
  CHECK(keys_.size() < kKeysMax);
  if ((keys_.size() + 1) * 2 > slots_.size()) grow();
  size_t slot = slot_of(hash);
  if (slots_[slot] != kEmpty) return false;
  auto [known, is_new] = known_grants_.try_emplace(grants, static_cast<uint32_t>(grants_.size()));
  if (is_new) grants_.push_back(grants);
  if (last_consumer_ == kEmpty || text(last_consumer_) != consumer) last_consumer_ = keep(consumer);
  slots_[slot] = static_cast<uint32_t>(keys_.size());
  keys_.push_back({hash, last_consumer_, keep(id), known->second, pack(expires)});
  return true;
}

void KeyTable::finish() {
  if (slots_.empty()) grow();
  known_grants_.clear();
  keys_.shrink_to_fit();
  texts_.shrink_to_fit();
  uses_ = std::make_unique<SharedKeyUses>(keys_.size());
}

std::optional<KeyTable::Found> KeyTable::find(const KeyHash& hash) const {
  uint32_t index = slots_[slot_of(hash)];
  if (index == kEmpty) return std::nullopt;
  return at(index);
}

KeyTable::Found KeyTable::at(size_t index) const {
  const Key& key = keys_[index];
  WallTime expires = key.expires == kForever ? WallTime::max() : WallTime(std::chrono::seconds(key.expires));
  return {text(key.consumer), text(key.id), grants_[key.grants], expires, index};
}

void KeyTable::note_use(size_t index, WallTime now) const { uses_->note(index, pack(now)); }

std::optional<WallTime> KeyTable::last_use(size_t index) const {
  uint32_t second = uses_->last(index);
  if (second == 0) return std::nullopt;
  return WallTime(std::chrono::seconds(second));
}

void KeyTable::inherit_uses(const KeyTable& before) const {
  for (size_t i = 0; i < before.keys_.size(); ++i) {
    uint32_t second = before.uses_->last(i);
    if (second == 0) continue;
    uint32_t index = slots_[slot_of(before.keys_[i].hash)];
    if (index != kEmpty) uses_->note(index, second);
  }
}

size_t KeyTable::memory() const {
  return keys_.capacity() * (sizeof(Key) + sizeof(uint32_t)) + slots_.capacity() * sizeof(uint32_t) + texts_.capacity() +
         grants_.capacity() * sizeof(Grants);
}

Identity* make_identity(Arena& arena, const KeyTable::Found& found) {
  auto* identity = arena.make<Identity>();
  identity->consumer = identity->subject = arena.copy(found.consumer);
  identity->credential = arena.copy(found.id);
  identity->scopes = copy_all(arena, found.grants.scopes);
  identity->roles = copy_all(arena, found.grants.roles);
  identity->groups = copy_all(arena, found.grants.groups);
  auto* claims = arena.array<Claim>(found.grants.claims.size());
  size_t count = 0;
  for (const auto& [name, value] : found.grants.claims) claims[count++] = {arena.copy(name), arena.copy(value)};
  identity->claims = {claims, count};
  identity->expires = found.expires;
  return identity;
}

}  // namespace sluice::policy
