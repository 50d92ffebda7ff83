// When each API key of a Redis was last accepted, told to that Redis: beside requests, which neither wait for it nor know
// what becomes of it. Where our user may not write nothing is kept, and all else is as it was.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/auth/consumer_config.h"
#include "policy/policy.h"
#include "redis/instance.h"

namespace sluice::policy {

/// Names of last uses in Redis: this, and the key's hash in hex. The text is a time, 2026-11-20T08:15:02.000Z.
inline constexpr std::string_view kStoredUsePrefix = "sluice:used:";
/// A key's use is written once in so long.
inline constexpr std::chrono::seconds kStoredUseGap{60};
/// And kept for so long: over a year, so that what is used for a yearly report is not taken for dead.
inline constexpr std::chrono::seconds kStoredUseKept{400 * 24 * 3600};

/// Which keys were written within the gap: a bounded table of the whole process, without a lock. Of more keys than it holds
/// some wait for the next gap, which bounds what is written too.
class SharedUseGaps {
 public:
  static constexpr size_t kLines = 4096, kWays = 8;   // 32,768 keys in 256 KiB

  SharedUseGaps() : words_(kLines * kWays) {}
  /// gives: true to one of those who ask within a gap, who then writes
  bool claim(const KeyHash& key, WallTime now);

 private:
  std::vector<std::atomic<uint64_t>> words_;   // lines of kWays; part of a hash, and a second since 1970; 0: free
};

class SharedStoredUses final : private redis::Asker, public std::enable_shared_from_this<SharedStoredUses> {
 public:
  /// `auth`: whose keys they are, for the log
  SharedStoredUses(std::string auth, std::shared_ptr<const redis::Instance> redis);

  /// A key was accepted: writes that, unless it was written a moment ago, Redis has much to do, or it refuses.
  /// cost: a look at one line of a table; one command a minute for each key
  void note(Call& call, const KeyHash& key);

 private:
  enum class Right : uint8_t {
    untried,
    asked,     // one use is on its way: all others wait until it is known whether any may be written
    held,
    refused,   // until a configuration makes this anew
  };
  void on_answer(uint64_t tag, const redis::Answer& answer) override;
  static Right right_after(const redis::Answer& answer);
  bool may_write();
  bool learn(Right right);

  std::string auth_;
  std::shared_ptr<const redis::Instance> redis_;
  redis::Script script_;
  std::atomic<Right> right_{Right::untried};
  SharedUseGaps gaps_;
};

}  // namespace sluice::policy
