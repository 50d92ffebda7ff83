// The chain of an audit log: numbers the records, joins each to the one before by a hash, keeps the
// head, and goes on after a restart, naming a break if there was one. The form of records:
// audit_frame.h; docs/audit.md.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/live.h"
#include "base/result.h"
#include "observe/audit_copy.h"
#include "observe/audit_head.h"
#include "observe/log_stage.h"
#include "observe/time_text.h"

namespace sluice::observe {

/// What others may see of the head: metrics. The mutex guards a copy of 72 bytes.
class SharedAuditHead {
 public:
  void set(const AuditPoint& point) {
    std::lock_guard lock(mutex_);
    point_ = point;
  }
  AuditPoint get() const {
    std::lock_guard lock(mutex_);
    return point_;
  }

 private:
  mutable std::mutex mutex_;
  AuditPoint point_;
};

class AuditChain final : public LogStage {
 public:
  struct Options {
    std::string path;                                  // of the log
    std::shared_ptr<const crypto::HmacKey> key;        // null: plain SHA-256
    std::shared_ptr<SharedAuditHead> shared;
    std::shared_ptr<const Live<AuditCopies>> copies;   // where records go besides; null: nowhere
  };
  /// Finds out where the chain has come to; writes nothing yet.
  /// errors: why the head's file, `path` and ".head", cannot be used
  static Result<std::unique_ptr<AuditChain>, std::string> open(Options options);

  bool has_news(uint64_t lost) const override { return lost > 0 || !break_.empty(); }
  void say(LogBuffer& buffer, uint64_t lost) override;
  bool has_room() const override;
  void seal(LogBuffer& buffer) override;
  void on_written(const LogBuffer& buffer) override;
  void on_another_file() override { line_open_ = false; }
  void on_all_written() override;
  void on_closed() override;

  /// The newest that is in the file.
  const AuditPoint& point() const { return point_; }

 private:
  struct LastLine;

  AuditChain(Options options, AuditHeadFile head);
  void begin(std::string_view head_text, const LastLine& last);
  void note(std::string_view reason);
  void write_head(bool closed);
  void log_head(std::string_view why);

  Options options_;
  AuditSeal seal_;
  AuditHeadFile head_;
  AuditPoint point_;
  std::string break_;          // members of the record that names it; empty: none to name
  std::string reason_;         // the first of them
  bool line_open_ = false;     // the file does not end in a newline
  bool head_failed_ = false;
  bool used_ = false;          // something was sealed
  TimeText time_;
  std::chrono::steady_clock::time_point logged_at_{};
};

}  // namespace sluice::observe
