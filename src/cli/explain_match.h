// Why a request meets the route that it meets: what each candidate asks for, and where the others
// fall behind.
#pragma once

#include <string>

#include "http/message.h"
#include "snapshot/snapshot.h"

namespace sluice::cli {

/// gives: some lines of text: the router's decision first, then every other route whose host and
/// path match, with the reason why it was not chosen cost: compares the request with each route
/// alone, by a router of that one route
std::string explain_match(const snapshot::Snapshot& snapshot, const http::Head& request);

}  // namespace sluice::cli
