// Config -> Snapshot. Everything that a file can get wrong was found by load_config; what is left are the files
// that it names. Parts of `previous` with the same fingerprint are taken over as they are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "observe/registry.h"
#include "snapshot/snapshot.h"

namespace sluice::snapshot {

/// What keeps a configuration from going live: one line each, naming the part and the reason.
using BuildFaults = std::vector<std::string>;

/// needs: a Config without errors; the keeper's thread (the registry is its)
Result<std::shared_ptr<const Snapshot>, BuildFaults> build(Config config, const Snapshot* previous,
                                                           observe::Registry& registry);

}  // namespace sluice::snapshot
