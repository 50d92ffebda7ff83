// The descriptor behind a log: opens it, writes batches, survives short writes, full disks and
// readers that have stopped or gone. Used by the writer's thread alone.
#pragma once

#include <string>
#include <system_error>

#include "base/result.h"
#include "observe/log_buffer.h"

namespace sluice::observe {

class LogOutput {
 public:
  /// `path` is a file (made 0640, appended to), or "stdout", "-" or "stderr".
  static Result<LogOutput, std::error_code> open(const std::string& path);
  LogOutput(LogOutput&& other) noexcept;
  LogOutput& operator=(LogOutput&& other) noexcept;
  ~LogOutput();

  enum class Outcome : uint8_t { all, stalled, failed };
  /// Writes from the front of `waiting`; buffers that are out go to `done`. Blocks on a disk for as
  /// long as the disk takes, on a pipe or terminal for kPipeWaitMs at most.
  /// gives: stalled when the reader takes no more now; failed when the descriptor refuses (see
  /// error())
  Outcome write(LogBufferQueue& waiting, LogBufferQueue& done);
  std::error_code error() const { return error_; }
  /// The last line written has no end yet: the next write must begin with the rest of it.
  bool line_open() const { return line_open_; }
  /// A file on disk that has no name any more.
  bool deleted() const;
  bool same_file(const LogOutput& other) const;
  /// Takes over another descriptor; whether a line is open stays as it is if the file is the same.
  void replace(LogOutput other);

 private:
  explicit LogOutput(int fd);
  Outcome write_batch(LogBufferQueue& waiting, LogBufferQueue& done);
  Outcome write_piece(LogBufferQueue& waiting, LogBufferQueue& done);
  Outcome after(ssize_t result, LogBufferQueue& waiting, LogBufferQueue& done);

  int fd_ = -1;
  bool regular_ = false;      // a file on disk: never EAGAIN
  bool line_open_ = false;    // the last byte written was no newline
  std::error_code error_;
};

}  // namespace sluice::observe
