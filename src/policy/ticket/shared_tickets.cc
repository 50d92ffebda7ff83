#include "policy/ticket/shared_tickets.h"

#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace sluice::policy {
namespace {

struct IdHash {
  size_t operator()(const TicketId& id) const {   // as good as random: it is a digest
    size_t hash;
    std::memcpy(&hash, id.data() + sizeof hash, sizeof hash);
    return hash;
  }
};

}  // namespace

struct SharedTickets::Shard {
  struct Held {
    std::string text;
    WallTime until;
  };
  static constexpr size_t kHeldBytes = sizeof(Held) + 2 * sizeof(TicketId) + 8 * sizeof(void*);   // two nodes, a bucket

  /// Those that nobody used.
  void forget(WallTime now) {
    while (!order.empty() && order.front().second <= now) {
      erase(held.find(order.front().first));
      order.pop_front();
    }
  }
  void erase(std::unordered_map<TicketId, Held, IdHash>::iterator at) {
    if (at == held.end()) return;   // it was used
    bytes -= kHeldBytes + at->second.text.size();
    held.erase(at);
  }

  std::mutex mutex;
  std::unordered_map<TicketId, Held, IdHash> held;
  std::deque<std::pair<TicketId, WallTime>> order;
  size_t bytes = 0;
  size_t bytes_max = 0;
};

SharedTickets::SharedTickets(size_t bytes_max) : shards_(std::make_unique<std::array<Shard, kShards>>()) {
  for (Shard& shard : *shards_) shard.bytes_max = bytes_max / kShards;
}

SharedTickets::~SharedTickets() = default;

SharedTickets::Shard& SharedTickets::shard_of(const TicketId& id) const { return (*shards_)[id[0] % kShards]; }

bool SharedTickets::put(const TicketId& id, std::string text, WallTime until, WallTime now) {
  Shard& shard = shard_of(id);
  std::lock_guard lock(shard.mutex);
  shard.forget(now);
  size_t bytes = Shard::kHeldBytes + text.size();
  size_t places = shard.order.size() - shard.held.size();   // of those that were used, until their time has come
  if (shard.bytes + bytes + places * Shard::kHeldBytes > shard.bytes_max) return false;
  if (!shard.held.try_emplace(id, Shard::Held{std::move(text), until}).second) return false;   // never: it is random
  shard.bytes += bytes;
  shard.order.emplace_back(id, until);
  return true;
}

std::optional<std::string> SharedTickets::take(const TicketId& id, WallTime now) {
  Shard& shard = shard_of(id);
  std::lock_guard lock(shard.mutex);
  auto found = shard.held.find(id);
  if (found == shard.held.end()) return std::nullopt;
  bool good = found->second.until > now;
  std::string text = std::move(found->second.text);
  shard.bytes -= Shard::kHeldBytes + text.size();
  shard.held.erase(found);
  return good ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace sluice::policy
