// The second hash of a configuration: over the contents of the files that it names (certificates,
// keys, authorities, revocation lists, plugins). The first, Config::hash, is over its values.
#pragma once

#include <cstdint>
#include <optional>

#include "snapshot/snapshot.h"

namespace sluice::snapshot {

/// Of the contents in use, which a replaced certificate changes without any reload.
/// needs: the keeper's thread, which replaces them
uint64_t files_hash(const Snapshot& snapshot);

/// Of the contents on disk now: equal to that of a gateway which uses the same.
/// gives: nothing when this user cannot read one of them
std::optional<uint64_t> files_hash(const Config& config);

}  // namespace sluice::snapshot
