// Every policy there is, in the order in which a route's pipeline runs them.
#pragma once

#include "policy/headers_config.h"
#include "policy/pipeline.h"

namespace sluice::policy {

/// What a route's tables say to policies.
struct RoutePolicies {
  const HeadersConfig* headers = nullptr;
};

/// `plugins`: policies of the user's own, in the order of the route
Pipeline make_pipeline(const RoutePolicies& route,
                       std::vector<std::unique_ptr<const Policy>> plugins = {});

}  // namespace sluice::policy
