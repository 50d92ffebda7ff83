// The endpoint with the fewest requests in flight for its weight, as this worker sees it; among
// equals each in turn by weight, so that an idle upstream is shared as round_robin would.
#pragma once

#include "upstream/picker.h"

namespace sluice::upstream {

class LeastLoaded final : public Picker {
 public:
  uint32_t pick(std::span<EndpointState> endpoints, std::span<const uint32_t> tried,
                TimePoint now) noexcept override;
};

}  // namespace sluice::upstream
