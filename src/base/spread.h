// Things that are to happen one after the other over some time, not all at once.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace sluice {

/// When number `index` of `count` is due, from the beginning. needs: index < count
constexpr Duration spread(Duration over, size_t index, size_t count) {
  return over * static_cast<Duration::rep>(index) / static_cast<Duration::rep>(count);
}

}  // namespace sluice
