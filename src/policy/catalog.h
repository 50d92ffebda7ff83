// Every policy there is, in the order in which a route's pipeline runs them.
#pragma once

#include "policy/headers_config.h"
#include "policy/pipeline.h"

namespace sluice::policy {

/// What a route's tables say to policies.
struct RoutePolicies {
  const HeadersConfig* headers = nullptr;
};

Pipeline make_pipeline(const RoutePolicies& route);

}  // namespace sluice::policy
