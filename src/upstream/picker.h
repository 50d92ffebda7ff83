// Chooses the endpoint of a request. Implemented by RoundRobin and LeastLoaded; one per upstream
// and worker. Knows no health beyond EndpointState and no connections.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "upstream/endpoint.h"

namespace sluice::upstream {

class Picker {
 public:
  static constexpr uint32_t kNobody = UINT32_MAX;

  virtual ~Picker() = default;
  /// Chooses among the endpoints that are usable at `now` and not among `tried` (their indices).
  /// gives: an index, or kNobody; with kSetAsideToo as `now` those set aside are taken too
  /// cost: linear in the endpoints, some 5 ns each; no allocation
  virtual uint32_t pick(std::span<EndpointState> endpoints, std::span<const uint32_t> tried,
                        TimePoint now) noexcept = 0;

 protected:
  static bool may_take(std::span<EndpointState> endpoints, std::span<const uint32_t> tried,
                       TimePoint now, uint32_t index) {
    return endpoints[index].usable(now) &&
           std::find(tried.begin(), tried.end(), index) == tried.end();
  }

  /// One step of smooth weighted round robin over the endpoints for which takes(index) is true:
  /// each is owed its weight more, the one owed most is chosen and pays what all were given.
  /// Source: nginx, ngx_http_upstream_round_robin.c, since 1.3.1.
  template <class Takes>
  static uint32_t most_owed(std::span<EndpointState> endpoints, Takes takes) {
    uint32_t best = kNobody;
    int64_t given = 0;
    for (uint32_t i = 0; i < endpoints.size(); ++i) {
      if (!takes(i)) continue;
      endpoints[i].owed += endpoints[i].weight;
      given += endpoints[i].weight;
      if (best == kNobody || endpoints[i].owed > endpoints[best].owed) best = i;
    }
    if (best != kNobody) endpoints[best].owed -= given;
    return best;
  }
};

}  // namespace sluice::upstream
