// What the client of a remote store counts, one worker's part. Whoever scrapes sums the workers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/counter.h"
#include "base/histogram.h"

namespace sluice {

/// Why a command got no answer of use.
enum class StoreFailure : uint8_t { timeout, lost, away, full, unfit, refused };
inline constexpr std::string_view kStoreFailureLabels[] = {"timeout", "lost",  "away",
                                                           "full",    "unfit", "refused"};
inline constexpr size_t kStoreFailures = std::size(kStoreFailureLabels);

struct alignas(64) StoreCounters {
  Counter away;         // gauge: clients that cannot send commands; of two only while one replaces the other
  Counter commands;     // asked for, answered or not
  std::array<Counter, kStoreFailures> failures;
  Counter connects;     // connections tried
  Counter queued;       // gauge: commands without an answer
  Histogram latency;    // of answers

  Counter& failure(StoreFailure why) { return failures[static_cast<size_t>(why)]; }
};

}  // namespace sluice
