// What balancing knows of one endpoint, on one worker. Its address and connections are the pool's
// business.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace sluice::upstream {

/// A time to pick at that takes endpoints that are set aside too, but none that is down.
inline constexpr TimePoint kSetAsideToo = kNever - Duration(1);

struct EndpointState {
  uint32_t weight = 1;     // at least 1; a share of the traffic, not a limit
  uint32_t in_flight = 0;  // requests of this worker that are there now
  /// Set aside until then, after a failure to connect; in the past: usable. kNever: health checks found it down, and
  /// only they end that.
  TimePoint down_until{};
  /// The picker's: how much this endpoint is owed. Start it at random.below(weight + 1), so that
  /// the workers do not all begin with the same endpoint.
  int64_t owed = 0;

  bool is_down() const { return down_until == kNever; }
  bool usable(TimePoint now) const { return down_until <= now; }
};

}  // namespace sluice::upstream
