// What the writer's thread does to the lines of a log before it writes them, such as chaining those
// of an audit log. Lines change in place: whoever writes them leaves the room.
#pragma once

#include <cstdint>

#include "observe/log_buffer.h"

namespace sluice::observe {

/// The writer's thread alone.
class LogStage {
 public:
  virtual ~LogStage() = default;
  /// Whether something is to be said before the next line. `lost`: lines lost since the last call of say()
  virtual bool has_news(uint64_t lost) const = 0;
  /// Says it, in the empty `buffer`.
  virtual void say(LogBuffer& buffer, uint64_t lost) = 0;
  /// What is said and sealed from now on goes to another file.
  virtual void on_another_file() = 0;
  /// Whether lines may be sealed now. False holds up the log.
  virtual bool has_room() const = 0;
  /// Whole lines, in the order in which they will stand in the file.
  virtual void seal(LogBuffer& buffer) = 0;
  /// These lines are in the file.
  virtual void on_written(const LogBuffer& buffer) = 0;
  /// All that was sealed is.
  virtual void on_all_written() = 0;
  /// The log ends, and nothing is left that was not written.
  virtual void on_closed() = 0;
};

}  // namespace sluice::observe
