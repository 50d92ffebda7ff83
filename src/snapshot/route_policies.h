// The pipeline of one route: which policies its tables ask for, made of the parts that the tables name.
#pragma once

#include "policy/pipeline.h"
#include "snapshot/snapshot.h"

namespace sluice::snapshot {

/// needs: the parts of `snapshot` that routes name are built; every name was checked by load_config
/// `metric`: the route's, in the registry
policy::Pipeline make_pipeline(const RouteSection& route, const Snapshot& snapshot, uint32_t metric);

/// What consumers are held against beside the routes' limits. needs: the limits of `snapshot`
/// gives: null when no consumer has any
std::shared_ptr<const policy::ConsumerLimits> make_consumer_limits(const Snapshot& snapshot);

}  // namespace sluice::snapshot
