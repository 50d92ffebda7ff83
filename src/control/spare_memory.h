// Gives memory back to the system when traffic has gone. What workers free stays in malloc's heaps, because some piece
// that is in use lies behind it: of 3,000 sockets over TLS that had closed all 47 MB stayed.
// Source: HAProxy's pools trim the same way. Costs 0.25 ms for each MB, in which a worker that wants memory of the same
// heap waits: so rarely, and only for much.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace sluice::control {

class SpareMemory {
 public:
  static constexpr uint64_t kWorthBytes = 4 * 1024 * 1024;
  static constexpr Duration kNoSoonerThan = std::chrono::seconds(10);

  /// `used`: bytes that traffic holds now. gives: true when it is time to give back: much has been freed since the
  /// most that there was, and no more is being freed
  bool look(uint64_t used, TimePoint now);

 private:
  uint64_t most_ = 0;    // since memory was given back
  uint64_t last_ = 0;
  TimePoint next_{};
};

/// To the system, from all of malloc's heaps.
void give_memory_back();

}  // namespace sluice::control
