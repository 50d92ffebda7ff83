#include "control/spare_memory.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

namespace sluice::control {

bool SpareMemory::look(uint64_t used, TimePoint now) {
  most_ = std::max(most_, used);
  bool falls = used < std::exchange(last_, used);
  bool much = most_ - used >= kWorthBytes && used <= most_ - most_ / 4;
  if (!much || falls || now < next_) return false;
  most_ = used;
  next_ = now + kNoSoonerThan;
  return true;
}

void give_memory_back() { malloc_trim(0); }

}  // namespace sluice::control
