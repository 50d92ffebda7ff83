// Where an upstream's servers are at present: made by the keeper when names have been resolved, published to
// the workers as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"

namespace sluice::upstream {

struct EndpointTarget {
  net::SocketAddress address;
  std::string server_name;     // as configured: for TLS
  uint32_t weight = 1;
  uint32_t metrics_id = 0;
  friend bool operator==(const EndpointTarget&, const EndpointTarget&) = default;
};

struct EndpointList {
  std::vector<EndpointTarget> targets;
  bool unresolved = false;     // some name has no address yet
  std::vector<bool> down;      // by target: health checks found it so; empty: none is
  std::shared_ptr<const EndpointList> basis;   // whose metric ids are used here; null: its own

  bool is_down(size_t target) const { return target < down.size() && down[target]; }
};

}  // namespace sluice::upstream
