// The page of /status: what an operator asks first, as JSON. The members are described in
// docs/operations.md; names are added and never changed.
#pragma once

#include <string>

#include "control/keeper.h"

namespace sluice::admin {

/// "starting", "serving", "leaving", "draining" or "done".
std::string_view state_name(control::Keeper::State state);

/// At least one worker does without it.
bool is_away(const control::Keeper& keeper, const snapshot::RedisPart& part);

/// `in_flight`: of all workers but those that are silent. needs: the keeper's thread
std::string status_page(const control::Keeper& keeper, const proxy::InFlightReport& in_flight, size_t silent);

}  // namespace sluice::admin
