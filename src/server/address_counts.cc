#include "server/address_counts.h"

#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"

namespace sluice::server {

SharedAddressCounts::SharedAddressCounts(uint64_t seed) : seed_(seed) {
  for (Shard& shard : shards_) shard.counts = decltype(shard.counts)(0, Hash{seed});
}

size_t SharedAddressCounts::Hash::operator()(const Key& key) const {
  char bytes[sizeof(key.high) + sizeof(key.listener) + 1];
  std::memcpy(bytes, &key.high, sizeof(key.high));
  std::memcpy(bytes + sizeof(key.high), &key.listener, sizeof(key.listener));
  bytes[sizeof(bytes) - 1] = key.v6 ? 1 : 0;
  return siphash(seed, ~seed, std::string_view(bytes, sizeof(bytes)));
}

SharedAddressCounts::Key SharedAddressCounts::key_of(uint32_t listener, const IpAddress& address) {
  Key key;
  key.listener = listener;
  key.v6 = address.is_v6();
  std::memcpy(&key.high, address.bytes().data(), key.v6 ? 8 : 4);
  return key;
}

SharedAddressCounts::Place SharedAddressCounts::take(uint32_t listener, const IpAddress& address, uint32_t limit) {
  Key key = key_of(listener, address);
  Shard& shard = shard_of(key);
  std::lock_guard guard(shard.lock);
  Count& count = shard.counts[key];
  if (count.served < limit) {
    ++count.served;
    return Place::served;
  }
  if (count.told == kToldMax) return Place::none;   // the entry was there: it is full
  ++count.told;
  return Place::told;
}

void SharedAddressCounts::give(uint32_t listener, const IpAddress& address, Place place) {
  Key key = key_of(listener, address);
  Shard& shard = shard_of(key);
  std::lock_guard guard(shard.lock);
  auto found = shard.counts.find(key);
  CHECK(found != shard.counts.end() && place != Place::none);
  uint32_t& of = place == Place::served ? found->second.served : found->second.told;
  CHECK(of > 0);
  --of;
  if (found->second.served == 0 && found->second.told == 0) shard.counts.erase(found);
}

size_t SharedAddressCounts::addresses() const {
  size_t total = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard guard(shard.lock);
    total += shard.counts.size();
  }
  return total;
}

}  // namespace sluice::server
