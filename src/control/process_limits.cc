#include "control/process_limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "control/cgroup.h"
#include "upstream/fetch_keep.h"

namespace sluice::control {
namespace {

uint64_t descriptors_max() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return INT_MAX;
  return std::min<uint64_t>(limit.rlim_cur, INT_MAX);
}

}  // namespace

uint64_t usable_memory() {
  uint64_t memory = UINT64_MAX;
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) memory = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page);
  return std::min(memory, Cgroups().memory());
}

DescriptorReserve descriptor_reserve(uint64_t descriptors_max) {
  constexpr uint64_t kMost = 256;   // scrapes, log files, certificates, upstream connections: far below
  if (descriptors_max >= INT_MAX) return {};
  uint64_t reserve = std::min(kMost, descriptors_max / 8);
  return {static_cast<int>(descriptors_max - reserve), static_cast<int>(descriptors_max - reserve / 2)};
}

DescriptorReserve descriptor_reserve() { return descriptor_reserve(descriptors_max()); }

size_t kept_connections_max(unsigned workers, uint64_t descriptors_max) {
  return std::min<uint64_t>(upstream::kKeptMax, descriptors_max / 16 / std::max(1U, workers));
}

size_t kept_connections_max(unsigned workers) { return kept_connections_max(workers, descriptors_max()); }

bool descriptors_free(size_t count) {
  std::vector<int> opened;
  while (opened.size() < count) {
    int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) break;
    opened.push_back(descriptor);
  }
  for (int descriptor : opened) close(descriptor);
  return opened.size() == count;
}

uint64_t connections_max(const snapshot::ServerConfig& server) {
  if (server.connections_max.count != 0) return server.connections_max.count;
  return std::min(kConnectionsAutomatic, static_cast<uint64_t>(descriptor_reserve().scarce));
}

void apply_limits(Process& process, const snapshot::Snapshot& snapshot) {
  const snapshot::ServerConfig& server = snapshot.config.server;
  uint64_t usable = usable_memory();
  uint64_t automatic = usable == UINT64_MAX ? SharedMemory::kUnlimited
                                            : std::max<uint64_t>(usable / 5 * 4, snapshot::kMemoryLimitLeast);
  process.load.memory.set_limit(server.memory_max.is_auto ? automatic : server.memory_max.bytes);
  if (!server.memory_max.is_auto && server.memory_max.bytes > usable) {
    LOG(warn, "memory_max is more than there is", kv("memory_max", server.memory_max.bytes), kv("usable", usable));
  }
  auto reachable = static_cast<uint64_t>(descriptor_reserve().scarce);
  uint64_t wanted = server.connections_max.count;   // 0: what can be reached
  if (wanted <= reachable || wanted == process.connections_max_doubted) return;
  process.connections_max_doubted = wanted;   // said once, not at every reload
  LOG(warn, "connections_max cannot be reached: raise LimitNOFILE", kv("connections_max", wanted),
      kv("descriptors", descriptors_max()), kv("for_clients", reachable));
}

}  // namespace sluice::control
