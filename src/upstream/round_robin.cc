#include "upstream/round_robin.h"

namespace sluice::upstream {

uint32_t RoundRobin::pick(std::span<EndpointState> endpoints, std::span<const uint32_t> tried,
                          TimePoint now) noexcept {
  return most_owed(endpoints, [&](uint32_t i) { return may_take(endpoints, tried, now, i); });
}

}  // namespace sluice::upstream
