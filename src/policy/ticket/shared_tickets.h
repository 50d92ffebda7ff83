// The tickets that were issued and not used yet, of the whole process: the same one, shown to two workers at once, is
// taken exactly once. Forgets none before its time: when it is full no more are issued.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "policy/signature/shared_nonces.h"

namespace sluice::policy {

/// The digest of a ticket: who reads memory, or a Redis, finds none.
using TicketId = ReplayId;

/// Shared by all workers: shards with a mutex each, held for a look-up.
class SharedTickets {
 public:
  /// `bytes_max`: of all; each shard takes its part of them
  explicit SharedTickets(size_t bytes_max);
  ~SharedTickets();

  /// Remembers what `id` stands for until then.
  /// needs: calls in about the order of their ends (one lifetime for all)
  /// gives: false when there is no room
  bool put(const TicketId& id, std::string text, WallTime until, WallTime now);
  /// gives: what it stands for, once; nothing when it is not there, or past its end
  std::optional<std::string> take(const TicketId& id, WallTime now);

 private:
  struct Shard;
  static constexpr size_t kShards = 16;   // a few thousand tickets a second are many
  Shard& shard_of(const TicketId& id) const;

  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

}  // namespace sluice::policy
