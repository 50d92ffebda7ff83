// Which route takes a request: the router's choice, but for CORS preflights.
#pragma once

#include "snapshot/snapshot.h"

namespace sluice::snapshot {

/// A preflight goes to the route of the request that it announces when that route has `cors`, whatever methods the
/// route takes: its Cors policy answers, and none gets further. Any other preflight is routed as the OPTIONS it is.
/// gives: as Router::match
route::MatchResult choose_route(const Snapshot& snapshot, const http::Head& request, route::Params& params);

}  // namespace sluice::snapshot
