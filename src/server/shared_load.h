// What the connections of the whole process amount to, against its limits. Any worker; outlives every
// snapshot, so that counts survive a reload.
#pragma once

#include <cstdint>

#include "base/shared_count.h"
#include "base/shared_memory.h"
#include "server/address_counts.h"

namespace sluice::server {

/// Why a connection is not served: all that its requests get is a 503 that says so. `denied` ones are closed at once.
enum class Refusal : uint8_t { none, connections, address, memory, descriptors, denied };

struct SharedLoad {
  explicit SharedLoad(uint64_t seed) : addresses(seed) {}

  SharedCount connections;        // served
  SharedCount refused;            // kept only until they have been told 503
  SharedAddressCounts addresses;
  SharedMemory memory;
};

/// Connections beyond a limit that are kept to be told 503; beyond these new ones are closed at once.
inline constexpr uint64_t kRefusedMax = 1'000;

}  // namespace sluice::server
