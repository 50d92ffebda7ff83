// What no single section can show: names that do not exist, addresses used twice, routes in each
// other's way, certificates on disk.
#pragma once

#include <ctime>

#include "snapshot/config.h"

namespace sluice::snapshot {

/// needs: `config` read from `document`, of which every file was readable
void check_names(const Config& config, config::Document& document);
void check_listeners(const Config& config, config::Document& document);
/// No log writes the parameters and headers that hold credentials.
void check_logs(const Config& config, config::Document& document);
void check_auth(const Config& config, config::Document& document);
/// Those that routes and consumers name.
void check_limits(const Config& config, config::Document& document);
void check_routes(const Config& config, config::Document& document);
/// Reads each of them, and tells nothing of what it reads.
void check_secrets(const Config& config, config::Document& document, config::Environment environment);
void check_tls(const Config& config, config::Document& document, std::time_t now);
void check_files(const Config& config, config::Document& document);
/// Where logs are written and local sockets are made: the folders are there.
void check_places(const Config& config, config::Document& document);
/// Warnings; and lines with a credential are shown by no issue. needs: all other checks made
void check_slips(const Config& config, config::Document& document);

}  // namespace sluice::snapshot
