// One worker's hold on a Snapshot: which exchanges still use it, and the worker's own upstreams for it. A plain
// count, because only that worker touches it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "snapshot/snapshot.h"
#include "upstream/upstream.h"

namespace sluice::snapshot {

struct Lease {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<upstream::Upstream*> upstreams;   // by RouteEntry::upstream; owned by the worker's slots
  uint32_t exchanges = 0;
};

}  // namespace sluice::snapshot
