#include "base/shared_memory.h"

#include <algorithm>

namespace sluice {

uint64_t SharedMemory::used() const {
  return static_cast<uint64_t>(std::max<int64_t>(0, used_.load(std::memory_order_relaxed)));
}

void SharedMemory::judge() {
  uint64_t now = used(), most = limit();
  bool before = full();
  // A tenth between: at the edge it must not change with every block.
  bool after = before ? now > most - most / 10 : now >= most;
  if (after != before) full_.store(after, std::memory_order_relaxed);
}

}  // namespace sluice
