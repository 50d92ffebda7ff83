// Snapshots that are no longer in force, and the parts of them that counters still run under: they die here, on the
// keeper's thread, when the last worker has let go. Workers drop their shares wherever they are; the last one is
// always ours, because shares are only made of what is in force.
#pragma once

#include <memory>
#include <vector>

#include "snapshot/snapshot.h"

namespace sluice::control {

class Graveyard {
 public:
  void bury(std::shared_ptr<const snapshot::Snapshot> snapshot) { snapshots_.push_back(std::move(snapshot)); }
  void sweep();

 private:
  std::vector<std::shared_ptr<const snapshot::Snapshot>> snapshots_;
  std::vector<std::shared_ptr<const snapshot::ListenerPart>> listeners_;
  std::vector<std::shared_ptr<const snapshot::RoutePart>> routes_;
  std::vector<std::shared_ptr<const snapshot::UpstreamPart>> upstreams_;
  std::vector<std::shared_ptr<const snapshot::RedisPart>> redis_;
};

}  // namespace sluice::control
