// The page of /keys on the control socket: API keys, who holds them and when they were last used, a page at a time.
#pragma once

#include <string>

#include "snapshot/snapshot.h"

namespace sluice::admin {

/// Of one page: made on the keeper's loop, which has other things to do.
inline constexpr size_t kKeysPerPage = 5'000;

/// `from`: how many keys come before, of all tables in the order of their names.
/// gives: {"keys": [{"auth", "consumer", "id", "expires", "last_used"}], "next": 5000}, the last three where there is
/// something to say
std::string keys_page(const snapshot::Snapshot& snapshot, size_t from);

}  // namespace sluice::admin
