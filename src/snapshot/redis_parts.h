// The part of one [redis.NAME]: what clients are made with, its secrets read.
#pragma once

#include <memory>

#include "snapshot/build.h"

namespace sluice::snapshot {

/// gives: the part; with a line in `faults`, and no use of it, when a secret or a file of its TLS is not good
std::shared_ptr<const RedisPart> make_redis(const config::Section<RedisConfig>& section, MetricUse metric,
                                            BuildFaults& faults);

/// Reads the secrets of a snapshot in force again: the next connection logs in with what they are now. One that
/// cannot be read stays as it was, with a line in the log.
/// gives: whether one is another now
bool renew_logins(const Snapshot& snapshot);

}  // namespace sluice::snapshot
