#include "control/process_limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "base/log.h"
#include "base/text.h"

namespace sluice::control {
namespace {

// "max", or no number: no limit.
uint64_t limit_in(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  file >> text;
  return parse_decimal(text).value_or(UINT64_MAX);
}

// The path of this process in a hierarchy of cgroups: v2 has one with an empty list of controllers.
std::string cgroup_path(std::string_view controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {   // "0::/system.slice/sluice.service"
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string names = ',' + line.substr(first + 1, second - first - 1) + ',';
    bool found = controller.empty() ? names == ",," : names.find(',' + std::string(controller) + ',') != std::string::npos;
    if (found) return line.substr(second + 1);
  }
  return {};
}

// The least limit on the way from the process's cgroup up to the root; every level counts.
uint64_t cgroup_limit(const std::string& root, std::string path, const std::string& file) {
  uint64_t least = limit_in(root + "/" + file);   // within a container its own cgroup is the root
  while (path.size() > 1) {
    least = std::min(least, limit_in(root + path + "/" + file));
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  return least;
}

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
  memory = std::min(memory, cgroup_limit("/sys/fs/cgroup", cgroup_path(""), "memory.max"));
  return std::min(memory, cgroup_limit("/sys/fs/cgroup/memory", cgroup_path("memory"), "memory.limit_in_bytes"));
}

DescriptorReserve descriptor_reserve(uint64_t descriptors_max) {
  constexpr uint64_t kMost = 256;   // scrapes, log files, certificates, upstream connections: far below
  if (descriptors_max >= INT_MAX) return {};
  uint64_t reserve = std::min(kMost, descriptors_max / 8);
  return {static_cast<int>(descriptors_max - reserve), static_cast<int>(descriptors_max - reserve / 2)};
}

DescriptorReserve descriptor_reserve() { return descriptor_reserve(descriptors_max()); }

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
  if (server.connections_max <= reachable || server.connections_max == process.connections_max_doubted) return;
  process.connections_max_doubted = server.connections_max;   // said once, not at every reload
  LOG(warn, "connections_max cannot be reached: raise LimitNOFILE", kv("connections_max", server.connections_max),
      kv("descriptors", descriptors_max()), kv("for_clients", reachable));
}

}  // namespace sluice::control
