// The one thread that writes all logs, so that no worker's loop ever waits for a disk.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "observe/log_file.h"
#include "observe/log_signal.h"

namespace sluice::observe {

class LogWriter {
 public:
  static constexpr std::chrono::milliseconds kPatience{2'000};   // at the end, with a disk or reader that is stuck

  LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() { stop(); }

  /// Opens a log. It is closed, when all is out, after the last holder has let go.
  /// needs: every holder lets go before the writer is gone
  /// errors: why the file cannot be opened
  Result<std::shared_ptr<LogFile>, std::error_code> open(LogOptions options);
  /// What became of the lines of every log that ever was open, by name.
  std::vector<std::pair<std::string, LogCounts>> counts() const;
  /// Has every file opened anew under its path: log rotation. Returns at once.
  void reopen();

  /// Writes what has been handed over and ends the thread. A log whose reader has stopped reading
  /// holds this up for `patience` at most; what is then left is dropped and counted. Idempotent.
  /// needs: every LogStream flushed or gone; base's sink set to another one if it is a LogFile of
  /// ours
  void stop(std::chrono::milliseconds patience = kPatience);

 private:
  void run();
  bool write_all();
  bool close_unused();

  LogSignal signal_;
  mutable std::mutex mutex_;                     // guards files_ and counts_
  std::vector<std::unique_ptr<LogFile>> files_;  // only the thread takes any away
  std::map<std::string, SharedLogCounts> counts_;
  std::vector<LogFile*> turn_;                   // the thread's copy of files_
  std::chrono::milliseconds patience_{};         // set before the signal to stop
  std::thread thread_;
};

}  // namespace sluice::observe
