// The signed requests that were accepted, of the whole process: the same one, sent to two workers
// at once, passes exactly once. Forgets none before its time: when it is full it says so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace sluice::policy {

/// Names what must not pass twice: 32 bytes that nobody outside can choose freely (a digest).
using ReplayId = std::array<unsigned char, 32>;

/// What 3,500 requests a second make in 300 s; 80 MiB when it is full.
inline constexpr size_t kNoncesMax = 1'000'000;

/// Shared by all workers: shards with a mutex each, held for a look-up. Memory grows with the
/// entries and is given back when they are forgotten.
class SharedNonces {
 public:
  enum class Answer : uint8_t {
    fresh,   // was not there, and is now
    used,
    full,    // not there, and nothing may be forgotten yet
  };

  /// `count_max`: entries in all; each shard takes its part of them
  explicit SharedNonces(size_t count_max = kNoncesMax);
  ~SharedNonces();

  /// Remembers `id` until the moment from which the request would be refused anyway.
  /// gives: `used` for what is remembered and not past its moment at `now`
  Answer take(const ReplayId& id, WallTime until, WallTime now);
  size_t size() const;

 private:
  struct Entry {
    ReplayId id;
    WallTime until;   // the beginning of time: an empty place
  };
  struct Shard;
  static constexpr size_t kShards = 64;   // as SharedAddressCounts

  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

}  // namespace sluice::policy
