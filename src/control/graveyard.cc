#include "control/graveyard.h"

#include <algorithm>

namespace sluice::control {
namespace {

// Several snapshots may have had the same part: held once, its count tells when nobody else has it.
template <class Parts>
void hold_each_once(Parts& parts) {
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
}

}  // namespace

void Graveyard::sweep() {
  std::erase_if(snapshots_, [this](const auto& snapshot) {
    if (snapshot.use_count() > 1) return false;
    // Connections outlive the lease they came under, pools the snapshot that named them, and sockets their request.
    for (const auto& part : snapshot->listeners) listeners_.push_back(part);
    for (const auto& route : snapshot->routes) routes_.push_back(route.part);
    for (const auto& part : snapshot->upstreams) upstreams_.push_back(part);
    for (const auto& part : snapshot->redis) redis_.push_back(part);
    return true;
  });
  hold_each_once(listeners_);
  hold_each_once(routes_);
  hold_each_once(upstreams_);
  hold_each_once(redis_);
  std::erase_if(listeners_, [](const auto& part) { return part.use_count() == 1 && part->settings.use_count() == 1; });
  std::erase_if(routes_, [](const auto& part) { return part.use_count() == 1; });   // before what they name
  std::erase_if(upstreams_, [](const auto& part) { return part.use_count() == 1; });
  std::erase_if(redis_, [](const auto& part) { return part.use_count() == 1; });
}

}  // namespace sluice::control
