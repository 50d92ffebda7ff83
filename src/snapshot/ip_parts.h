// The parts of [ip_list.*], and what those who name them get: the filters of routes and listeners, the lists of consumers.
#pragma once

#include <memory>

#include "policy/auth/allowed_ips.h"
#include "snapshot/build.h"

namespace sluice::snapshot {

/// gives: the part; with a line in `faults`, and no use of it, when its file is not good
std::shared_ptr<const IpListPart> make_ip_list(const config::Section<policy::IpListConfig>& section, BuildFaults& faults);

/// needs: the lists of `snapshot` are built; every name was checked by load_config
IpFilter make_ip_filter(const policy::IpFilterConfig& config, const Snapshot& snapshot);

/// needs: as above. gives: those that some consumer names
policy::IpLists ip_lists_of_consumers(const Snapshot& snapshot);

}  // namespace sluice::snapshot
