// The order of every pipeline: places from first to last, with the reason of each. Who makes the policies of a route
// (snapshot/route_policies.h) puts each at its place.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "policy/pipeline.h"

namespace sluice::policy {

enum class Place : uint8_t {
  address,          // who may not even ask costs nothing
  cors,             // a preflight carries no credentials: it is answered before any are asked for
  early_limit,      // by address, route, header or path: refuses before any crypto
  authentication,   // who asks
  authorization,    // may they: needs the identity
  limit,            // by identity
  plugin,           // judges what the client sent, known by name
  transformation,   // every policy before it sees what the client sent, and header rules have the last word
  reply,            // last: what answers in the place of an upstream
};

/// Policies in any order in; within one place the order of adding stays.
class PipelineBuilder {
 public:
  void add(Place place, std::unique_ptr<const Policy> policy) { placed_.emplace_back(place, std::move(policy)); }
  Pipeline build() &&;

 private:
  std::vector<std::pair<Place, std::unique_ptr<const Policy>>> placed_;
};

}  // namespace sluice::policy
