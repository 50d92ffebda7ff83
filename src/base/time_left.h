// How long until a moment that somebody else named: it may be as far away as the year 9999, and a Duration reaches 292 years.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace sluice {

inline constexpr std::chrono::hours kLongestTimeLeft{24 * 365 * 100};   // a century: what comes later is as good as never

/// gives: zero when it has passed; kLongestTimeLeft at most
inline Duration time_left(WallTime until, WallTime now) {
  if (until <= now) return Duration::zero();
  return std::min<std::chrono::milliseconds>(until - now, kLongestTimeLeft);
}

}  // namespace sluice
