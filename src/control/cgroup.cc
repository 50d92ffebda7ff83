#include "control/cgroup.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

#include "base/text.h"

namespace sluice::control {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// gives: nothing for "max", "-1" and what is not there
std::optional<double> number_in(const std::string& path, int which = 0) {
  std::ifstream file(path);
  std::string word;
  for (int i = 0; i <= which; ++i) file >> word;
  std::optional<uint64_t> number = parse_decimal(word);
  return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

double quota(std::optional<double> time, std::optional<double> period) {
  return time && period && *time > 0 && *period > 0 ? *time / *period : kUnlimited;
}

double memory_of(const std::string& group) { return number_in(group + "/memory.max").value_or(kUnlimited); }
double old_memory_of(const std::string& group) {
  return number_in(group + "/memory.limit_in_bytes").value_or(kUnlimited);
}
// "max 100000" or "150000 100000": microseconds of each period.
double cores_of(const std::string& group) {
  return quota(number_in(group + "/cpu.max", 0), number_in(group + "/cpu.max", 1));
}
double old_cores_of(const std::string& group) {
  return quota(number_in(group + "/cpu.cfs_quota_us"), number_in(group + "/cpu.cfs_period_us"));
}

double least(const std::string& hierarchy, std::string path, double (*limit)(const std::string& group)) {
  double found = limit(hierarchy);
  while (path.size() > 1) {
    found = std::min(found, limit(hierarchy + path));
    size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
  return found;
}

}  // namespace

std::string Cgroups::path_of(std::string_view controller) const {
  std::ifstream file(root_ + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {   // "0::/system.slice/sluice.service", "4:cpu,cpuacct:/web"
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string names = ',' + line.substr(first + 1, second - first - 1) + ',';
    bool found = controller.empty() ? names == ",," : names.find(',' + std::string(controller) + ',') != std::string::npos;
    if (found) return line.substr(second + 1);
  }
  return {};
}

uint64_t Cgroups::memory() const {
  std::string mount = root_ + "/sys/fs/cgroup";
  double bytes = std::min(least(mount, path_of(""), &memory_of), least(mount + "/memory", path_of("memory"), &old_memory_of));
  return bytes < 9e18 ? static_cast<uint64_t>(bytes) : UINT64_MAX;   // version 1 says "none" by a huge number
}

double Cgroups::cores() const {
  std::string mount = root_ + "/sys/fs/cgroup";
  return std::min(least(mount, path_of(""), &cores_of), least(mount + "/cpu", path_of("cpu"), &old_cores_of));
}

}  // namespace sluice::control
