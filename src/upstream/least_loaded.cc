#include "upstream/least_loaded.h"

namespace sluice::upstream {
namespace {

// in_flight / weight of `a` against that of `b`, without division.
bool less_loaded(const EndpointState& a, const EndpointState& b) {
  return uint64_t{a.in_flight} * b.weight < uint64_t{b.in_flight} * a.weight;
}

}  // namespace

uint32_t LeastLoaded::pick(std::span<EndpointState> endpoints, std::span<const uint32_t> tried,
                           TimePoint now) noexcept {
  if (endpoints.size() == 1) return may_take(endpoints, tried, now, 0) ? 0 : kNobody;
  uint32_t least = kNobody;
  for (uint32_t i = 0; i < endpoints.size(); ++i) {
    if (!may_take(endpoints, tried, now, i)) continue;
    if (least == kNobody || less_loaded(endpoints[i], endpoints[least])) least = i;
  }
  if (least == kNobody) return kNobody;
  return most_owed(endpoints, [&](uint32_t i) {
    return may_take(endpoints, tried, now, i) && !less_loaded(endpoints[least], endpoints[i]);
  });
}

}  // namespace sluice::upstream
