// The page of /metrics: the tables of the workers, and the few facts of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/audit_frame.h"
#include "observe/certificate_facts.h"
#include "observe/health_facts.h"
#include "observe/key_facts.h"
#include "observe/log_file.h"
#include "observe/process_usage.h"
#include "observe/registry.h"
#include "observe/service_counts.h"
#include "observe/text_page.h"

namespace sluice::observe {

/// The form that a scraper wants most (RFC 9110 section 12.5.1); Prometheus' own when it does not
/// say, or wants neither.
PageForm page_form(std::string_view accept);
std::string_view page_type(PageForm form);

/// What is true of the whole process; the views live while the page is made.
struct ProcessFacts {
  std::string_view version;
  std::string_view config_hash;   // of its values
  std::string_view files_hash;    // of the contents of the files that it names
  bool reload_succeeded = true;
  double reloaded_at_seconds = 0;   // since 1970
  uint64_t reloads_applied = 0, reloads_unchanged = 0, reloads_refused = 0;
  std::vector<std::pair<std::string, LogCounts>> logs;   // by name
  uint64_t log_lines_suppressed = 0;
  std::optional<AuditPoint> audit{};   // not set: no audit log
  CertificateFacts certificates{};
  KeyFacts keys{};
  ServiceCounts services{};
  HealthFacts health{};
  ProcessUsage usage;
  uint64_t traffic_bytes = 0;       // against memory_max
  uint64_t traffic_bytes_max = 0;
  uint64_t connections_max = 0;
  uint64_t limit_keys_forgotten = 0;
};

/// needs: the keeper's thread        cost: 10,000 busy routes (200,000 lines) in some 30 ms
std::string expose(const Registry& registry, const ProcessFacts& facts,
                   PageForm form = PageForm::prometheus);

}  // namespace sluice::observe
