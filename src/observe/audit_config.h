// [log.audit]: the configuration of the audit log. The log itself: audit_log.h, audit_chain.h.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/secret_source.h"
#include "config/types.h"
#include "observe/log_file.h"
#include "observe/syslog_config.h"

namespace sluice::observe {

/// [log.audit.redis]: records go to a Redis stream too.
struct RedisStreamConfig {
  config::Reference<"redis"> store;
  std::string stream = "sluice:audit";
  uint64_t length_max = 1'000'000;
};

struct AuditConfig {
  config::FilePath file;
  config::SecretSource key;
  OnOverflow on_overflow = OnOverflow::count;
  std::optional<SyslogConfig> syslog;
  std::optional<RedisStreamConfig> redis;
  std::vector<std::string> query;     // parameters whose values are written
  std::vector<std::string> headers;   // of the request
  std::vector<std::string> claims;    // of the identity
  std::vector<std::string> redact;    // names, see AuditRedaction

  static constexpr size_t kListMax = 16;   // of each list
};

std::span<const config::Field> config_fields(const RedisStreamConfig*);
std::span<const config::Field> config_fields(const AuditConfig*);
void config_check(const AuditConfig& audit, const config::Value& table, config::Reader& reader);

}  // namespace sluice::observe

namespace sluice::config {

template <>
struct Choices<observe::OnOverflow> {
  static constexpr std::string_view names[] = {"count", "block"};
};

}  // namespace sluice::config
