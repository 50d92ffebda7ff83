// [log.audit]: the configuration of the audit log. The log itself: audit_log.h, audit_chain.h.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/secret_source.h"
#include "config/types.h"
#include "observe/log_file.h"

namespace sluice::observe {

/// What of a request may be kept out of its record although records have it.
inline constexpr std::string_view kAuditRedactPath = "path.";   // and a parameter's name

struct AuditConfig {
  config::FilePath file;
  config::SecretSource key;
  OnOverflow on_overflow = OnOverflow::count;
  std::vector<std::string> query;     // parameters whose values are written
  std::vector<std::string> headers;   // of the request
  std::vector<std::string> claims;    // of the identity
  std::vector<std::string> redact;    // "subject", "client_ip", "path.NAME"

  static constexpr size_t kListMax = 16;   // of each list
};

std::span<const config::Field> config_fields(const AuditConfig*);
void config_check(const AuditConfig& audit, const config::Value& table, config::Reader& reader);

}  // namespace sluice::observe

namespace sluice::config {

template <>
struct Choices<observe::OnOverflow> {
  static constexpr std::string_view names[] = {"count", "block"};
};

}  // namespace sluice::config
