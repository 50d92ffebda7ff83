// Audit records on their way to one place besides the file: a bounded queue between the thread that writes logs and
// the courier's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "observe/audit_copy.h"
#include "observe/log_file.h"

namespace sluice::exporting {

class CopyQueue final : public observe::AuditCopy {
 public:
  static constexpr size_t kBytesMax = 4 << 20;     // as much as may wait for the file
  static constexpr size_t kPieceBytes = 256 << 10; // taken out at once: what one round trip carries

  /// Wakes the courier's loop.
  class Bell {
   public:
    virtual void ring() = 0;   // any thread

   protected:
    ~Bell() = default;
  };

  /// `name`: in metrics and messages; `bell` and `counts` outlive the queue.
  CopyQueue(std::string name, observe::OnOverflow on_overflow, Bell& bell, observe::SharedLogCounts& counts)
      : name_(std::move(name)), on_overflow_(on_overflow), bell_(&bell), counts_(&counts) {}

  const std::string& name() const { return name_; }
  void stop_blocking() override { on_overflow_.store(observe::OnOverflow::count, std::memory_order_relaxed); }

  // The writer's thread.
  bool has_room() const override;
  void take(std::string_view lines, uint64_t count) override;

  // The courier's loop.
  /// Whole lines, which count as waiting until done(). gives: empty when there are none
  std::string next();
  void done(size_t bytes);
  bool empty() const;
  void count_dropped(uint64_t records) { counts_->dropped.fetch_add(records, std::memory_order_relaxed); }
  void count_failure() { counts_->failures.fetch_add(1, std::memory_order_relaxed); }
  /// The place is given up: counts what waits as dropped.
  void drop_all();

 private:
  const std::string name_;
  std::atomic<observe::OnOverflow> on_overflow_;
  Bell* bell_;
  observe::SharedLogCounts* counts_;
  mutable std::mutex mutex_;
  std::deque<std::string> waiting_;   // guarded by mutex_, as is bytes_
  size_t bytes_ = 0;                  // waiting, and taken but not done
};

}  // namespace sluice::exporting
