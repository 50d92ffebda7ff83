// The audit log: a record for each request that was authenticated or denied, and for each thing done
// to the gateway itself. The fields are described in docs/audit.md; they are an interface, names are
// added and never changed. How records are joined: audit_chain.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/claim.h"
#include "observe/access_record.h"
#include "observe/audit_chain.h"
#include "observe/audit_config.h"
#include "observe/audit_redact.h"
#include "observe/log_file.h"
#include "observe/time_text.h"

namespace sluice::observe {

/// What the audit log is told about a request, beside what the access log is.
struct AuditRecord {
  enum class Decision : uint8_t { allowed, denied };
  Decision decision = Decision::allowed;
  std::string_view policy;          // that refused or answered, by its name
  std::string_view rule;            // that decided, by its name
  std::string_view subject;
  std::string_view consumer;
  std::string_view credential;      // its id
  std::string_view auth_method;
  std::string_view authenticator;   // [auth.NAME]
  std::span<const Claim> claims;
};

/// What was done to the gateway: "start", "stop", "reload", "files_read".
struct ControlRecord {
  std::string_view action;
  std::string_view outcome{};       // "applied", "unchanged", "refused"; empty: it has none
  std::string_view target{};        // what it was done to: "auth.partners"; empty: the gateway
  std::string_view by{};            // who asked for it; empty: nobody knows
  std::string_view config_hash{};   // in force afterwards
  std::string_view detail{};        // for a person
};

/// [log.audit] with its file open. Constant, shared by all workers.
struct AuditLogTarget {
  std::shared_ptr<LogFile> file;
  std::shared_ptr<SharedAuditHead> head;
  std::shared_ptr<Live<AuditCopies>> copies;   // of the file's chain
  std::string key_check;          // a code of nothing under the key: are two keys the same?
  AuditConfig config;
  AuditRedaction redaction;
};

class AuditLog {
 public:
  explicit AuditLog(std::shared_ptr<const AuditLogTarget> target) : target_(std::move(target)), stream_(*target_->file) {}

  /// cost: no system call, no allocation once its texts have had their longest; on_overflow says
  /// what happens when there is no room
  void write(const AccessRecord& request, const AuditRecord& audit);
  void flush() { stream_.flush(); }
  const AuditLogTarget& target() const { return *target_; }

 private:
  std::shared_ptr<const AuditLogTarget> target_;   // outlives stream_
  LogStream stream_;
  TimeText time_;
  std::string scratch_;   // for escaping
  std::string value_;     // a value that is put together
  std::string spare_;     // for the same
};

/// Any thread, but for few records: dropped and counted when there is no room, whatever on_overflow says.
void write_control(const AuditLogTarget& target, const ControlRecord& record, WallTime now);

}  // namespace sluice::observe
