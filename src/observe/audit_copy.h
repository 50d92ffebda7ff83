// Where audit records go besides their file: syslog, a Redis stream (export/). Each has a queue of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace sluice::observe {

/// The writer's thread calls.
class AuditCopy {
 public:
  virtual ~AuditCopy() = default;
  /// False holds up the log: nothing more is written until there is room. What overflows otherwise is counted.
  virtual bool has_room() const = 0;
  /// Whole lines that are in the file now, `count` of them.
  virtual void take(std::string_view lines, uint64_t count) = 0;
  /// Any thread: it has room from now on.
  virtual void stop_blocking() = 0;
};

using AuditCopies = std::vector<std::shared_ptr<AuditCopy>>;

}  // namespace sluice::observe
