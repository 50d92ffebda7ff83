// The limits that hold for the whole process: taken from the machine, and from each snapshot when it is
// published. What is counted against them lives in Process and goes on across reloads.
#pragma once

#include <cstdint>

#include "control/process.h"
#include "loop/loop.h"
#include "snapshot/snapshot.h"

namespace sluice::control {

/// Memory that this process may use: the machine's, or less by its cgroup (v2 or v1). gives: bytes
uint64_t usable_memory();

/// An eighth of all descriptors, 256 at most, is not for clients; half of that not even for upstreams.
/// gives: nothing reserved where the limit is not known
DescriptorReserve descriptor_reserve(uint64_t descriptors_max);
/// The same for this process as it is now.
DescriptorReserve descriptor_reserve();

/// Of idle connections to services that are asked, on one worker: all workers together hold a sixteenth of the descriptors.
size_t kept_connections_max(unsigned workers, uint64_t descriptors_max);
/// The same for this process as it is now.
size_t kept_connections_max(unsigned workers);

/// Can this many descriptors be opened now? Some may be gone a moment later.
bool descriptors_free(size_t count);

/// About 100 MiB of idle connections.
inline constexpr uint64_t kConnectionsAutomatic = 100'000;
/// The limit in force: what the file says, or what the descriptors allow, kConnectionsAutomatic at most.
uint64_t connections_max(const snapshot::ServerConfig& server);

/// Puts a snapshot's limits in force, on the keeper's thread before the workers are told of it, and warns about a
/// connections_max that the descriptor limit does not let the process reach.
void apply_limits(Process& process, const snapshot::Snapshot& snapshot);

}  // namespace sluice::control
