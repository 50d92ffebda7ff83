// Each endpoint in turn, by weight, without bursts: weights 5, 1, 1 give a a b a c a a.
#pragma once

#include "upstream/picker.h"

namespace sluice::upstream {

class RoundRobin final : public Picker {
 public:
  uint32_t pick(std::span<EndpointState> endpoints, std::span<const uint32_t> tried,
                TimePoint now) noexcept override;
};

}  // namespace sluice::upstream
