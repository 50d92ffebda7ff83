#include "control/graveyard.h"

namespace sluice::control {

void Graveyard::sweep() {
  std::erase_if(snapshots_, [this](const auto& snapshot) {
    if (snapshot.use_count() > 1) return false;
    // Connections outlive the lease they came under, and pools the snapshot that named them.
    for (const auto& part : snapshot->listeners) listeners_.push_back(part);
    for (const auto& part : snapshot->upstreams) upstreams_.push_back(part);
    return true;
  });
  std::erase_if(listeners_, [](const auto& part) { return part.use_count() == 1 && part->settings.use_count() == 1; });
  std::erase_if(upstreams_, [](const auto& part) { return part.use_count() == 1; });
}

}  // namespace sluice::control
