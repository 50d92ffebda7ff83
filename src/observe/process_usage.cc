#include "observe/process_usage.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace sluice::observe {
namespace {

// The files below are described in proc(5).
double boot_time_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

void read_stat(ProcessUsage& usage) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  size_t name_end = line.rfind(')');   // the name may hold anything, parentheses too
  if (name_end == std::string::npos) return;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  double started_ticks = 0;
  uint64_t resident_pages = 0;
  for (int field = 3; field < 20; ++field) fields >> skipped;
  fields >> usage.threads >> skipped >> started_ticks >> usage.virtual_bytes >> resident_pages;
  double boot = boot_time_seconds();
  if (boot > 0) {
    usage.start_time_seconds = boot + started_ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  usage.resident_bytes = resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t count_fds() {
  struct stat facts {};
  // Since Linux 6.2 the size is the count; walking 100,000 entries would take tens of milliseconds.
  if (stat("/proc/self/fd", &facts) == 0 && facts.st_size > 0) {
    return static_cast<uint64_t>(facts.st_size);
  }
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.' ? 1 : 0;
  closedir(folder);
  return count - 1;   // the one that was opened to look
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessUsage read_process_usage() {
  ProcessUsage usage;
  read_stat(usage);
  usage.open_fds = count_fds();
  rusage times{};
  if (getrusage(RUSAGE_SELF, &times) == 0) {
    usage.cpu_seconds = seconds_of(times.ru_utime) + seconds_of(times.ru_stime);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = limit.rlim_cur;
  return usage;
}

}  // namespace sluice::observe
