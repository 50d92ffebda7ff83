// The arithmetic of limits: what one 64-bit word per key says, and what becomes of it. Pure: the table that holds the
// words (shared_limit_table.h) and stores elsewhere use the same functions.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace sluice::policy {

/// What a word means.
enum class LimitKind : uint8_t {
  gcra,         // the theoretical arrival time (TAT) in nanoseconds; before now: nothing is used
  sliding,      // the number of a window (20 bits), its count and the one before it (22 bits each)
  quota,        // when the window of this key began (seconds, 32 bits) and its count (32 bits)
  concurrency,  // a generation (32 bits) and how many there are now (32 bits)
};

/// Most that fit into the words above.
inline constexpr uint64_t kSlidingCountMask = (1U << 22) - 1;
inline constexpr uint64_t kSlidingCountMax = kSlidingCountMask - 1;   // all ones is no word: shared_limit_table.h
inline constexpr uint64_t kCountMax = UINT32_MAX;
/// Of a rate: beyond it rounding to whole nanoseconds would cost over 1 %.
inline constexpr uint64_t kRatePerSecondMax = 10'000'000;
/// Longest window, and longest time that a burst may take to come back. 2 years: quotas are for months, and it fits in
/// the 56 bits that an entry has for it.
inline constexpr Duration kWindowMax = std::chrono::hours(24 * 731);

/// One limit's numbers, compiled.
struct LimitRule {
  LimitKind kind = LimitKind::gcra;
  uint64_t most = 1;         // gcra: the burst; otherwise in one window, or at once
  Duration emission{};       // gcra: between two requests of the even rate, rounded up
  Duration window{};         // gcra: until a whole burst is back; 0 for concurrency

  /// needs: count >= 1, per > 0, burst >= 1
  static LimitRule gcra(uint64_t count, Duration per, uint64_t burst);
  static LimitRule sliding(uint64_t count, Duration per) { return {LimitKind::sliding, count, {}, per}; }
  static LimitRule quota(uint64_t count, Duration per) { return {LimitKind::quota, count, {}, per}; }
  static LimitRule concurrency(uint64_t most) { return {LimitKind::concurrency, most, {}, {}}; }
};

/// Where a key stands.
struct Standing {
  bool allowed = true;
  uint64_t remaining = 0;    // requests of cost 1 that would pass now
  Duration retry{};          // until as much as was asked for passes; zero: now
  Duration more{};           // until more is there than now; zero: nothing is used
  Duration whole{};          // until nothing is used any more
};

/// Monotonic time as the words hold it.
inline uint64_t limit_time(TimePoint now) { return static_cast<uint64_t>(now.time_since_epoch().count()); }

enum class Charge : uint8_t {
  look,    // changes nothing
  take,    // takes `cost` if there is as much
  force,   // takes `cost` in any case: what has happened is counted
};

/// The word after `cost` was asked for at `now`, and the standing then.
struct Charged {
  uint64_t word = 0;
  Standing standing;
};
/// needs: cost <= rule.most; `word` 0 or from the same rule; not for concurrency
Charged charge(const LimitRule& rule, uint64_t word, uint64_t now, uint64_t cost, Charge how);
/// Gives back what a charge took and did not use. gives: the new word
uint64_t refund(const LimitRule& rule, uint64_t word, uint64_t now, uint64_t cost);

/// Nothing is used: the word says no more than 0 would. needs: `window` of the rule
bool is_unused(LimitKind kind, Duration window, uint64_t word, uint64_t now);

}  // namespace sluice::policy
