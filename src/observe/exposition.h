// The page of /metrics: the tables of the workers, and the few facts of the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "observe/process_usage.h"
#include "observe/registry.h"

namespace sluice::observe {

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

/// One log's counts, from LogFile::counts().
struct LogCountsOf {
  std::string_view log;
  uint64_t lines = 0;
  uint64_t dropped = 0;
};

/// What is true of the whole process; the views live while the page is made.
struct ProcessFacts {
  std::string_view version;
  std::string_view config_hash;
  std::vector<LogCountsOf> logs;
  ProcessUsage usage;
};

/// needs: the keeper's thread        cost: 10,000 busy routes (200,000 lines) in some 30 ms
std::string expose(const Registry& registry, const ProcessFacts& facts);

}  // namespace sluice::observe
