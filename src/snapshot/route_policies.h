// The pipeline of one route: which policies its tables ask for, made of the parts that the tables name.
#pragma once

#include "policy/pipeline.h"
#include "snapshot/snapshot.h"

namespace sluice::snapshot {

/// needs: the parts of `snapshot` that routes name are built; every name was checked by load_config
policy::Pipeline make_pipeline(const RouteSection& route, const Snapshot& snapshot);

}  // namespace sluice::snapshot
