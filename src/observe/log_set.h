// The logs of the process as the configuration in force has them: opens, keeps and closes their
// files when it changes. All or nothing: prepare() finds every fault before anything changes.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "observe/access_log.h"
#include "observe/audit_log.h"
#include "observe/log_config.h"
#include "observe/writer.h"

namespace sluice::observe {

/// Where the lines of the error log go: to stderr until a file is set. Any thread; the mutex guards
/// one pointer, never I/O.
class ErrorLog final : public LogSink {
 public:
  void write(std::string_view line) override;
  void set_file(std::shared_ptr<LogFile> file);
  std::shared_ptr<LogFile> file() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<LogFile> file_;
};

/// What is made of [log.audit] elsewhere.
struct AuditParts {
  std::shared_ptr<const crypto::HmacKey> key{};   // null when it has none
  AuditCopies copies{};
};

/// The keeper's thread, but where it is said otherwise.
class LogSet {
 public:
  /// What commit() will put in force. Dropped instead, it closes what it opened.
  struct Prepared {
    std::shared_ptr<LogFile> error;
    std::shared_ptr<const AccessLogTarget> access;   // null: no access log
    std::shared_ptr<const AuditLogTarget> audit;     // null: no audit log
    AuditCopies audit_copies;
    LogLevel level = LogLevel::info;
  };

  LogSet() = default;
  LogSet(const LogSet&) = delete;
  LogSet& operator=(const LogSet&) = delete;
  ~LogSet() { stop(); }

  /// Opens what `config` names and is not open already; an unchanged access log is the same object.
  /// errors: every file that cannot be opened, with the reason; then nothing has changed
  Result<Prepared, std::vector<std::string>> prepare(const LogConfig& config, AuditParts audit = {});
  /// Puts it in force: the error log and its level at once; access_log() from now on, which the
  /// caller gives to every worker. Files kept are opened anew, as by SIGUSR1. A file taken away is
  /// closed when the last worker has let go of it.
  void commit(Prepared prepared);

  /// The access log in force; null: none.
  const std::shared_ptr<const AccessLogTarget>& access_log() const { return access_; }
  /// The audit log in force; null: none.
  const std::shared_ptr<const AuditLogTarget>& audit_log() const { return audit_; }
  /// Tells the audit log in force, if there is one, what was done to the gateway.
  void control(const ControlRecord& record, WallTime now) {
    if (audit_ != nullptr) write_control(*audit_, record, now);
  }
  /// The process ends: no worker waits for room in the audit log any more.
  void stop_blocking();
  /// Has every file opened anew under its path: log rotation. Returns at once. Any thread.
  void reopen() { writer_.reopen(); }
  /// Any thread. By name of the log, those that are no more included.
  std::vector<std::pair<std::string, LogCounts>> counts() const { return writer_.counts(); }
  /// Writes what has been handed over and ends; later lines of the error log go to stderr.
  /// needs: every worker's AccessLog and AuditLog flushed or gone
  void stop(std::chrono::milliseconds patience = LogWriter::kPatience);

 private:
  std::shared_ptr<const AuditLogTarget> prepare_audit(const AuditConfig& config,
                                                      std::shared_ptr<const crypto::HmacKey> key,
                                                      std::vector<std::string>& faults);

  LogWriter writer_;   // outlives the files below
  ErrorLog error_;
  std::shared_ptr<const AccessLogTarget> access_;
  std::shared_ptr<const AuditLogTarget> audit_;
};

}  // namespace sluice::observe
