// The access log of one worker: a line for each request that ended. The fields are described in
// docs/logging.md; they are an interface, names are added and never changed.
#pragma once

#include <memory>
#include <string>

#include "observe/access_record.h"
#include "observe/log_file.h"
#include "observe/log_format.h"
#include "observe/time_text.h"

namespace sluice::observe {

/// Where the lines go and what they look like: [log.access], with its file open. Constant, shared
/// by all workers; the file is closed when the last of them has let go.
struct AccessLogTarget {
  std::shared_ptr<LogFile> file;
  LogFormat format;
  /// Also write queries, the referer's too: they may hold secrets.
  bool query = false;
};

class AccessLog {
 public:
  explicit AccessLog(std::shared_ptr<const AccessLogTarget> target)
      : target_(std::move(target)), stream_(*target_->file) {}

  /// cost: under 0.5 us, no system call, no allocation; a line that finds no room is dropped and
  /// counted
  void write(const AccessRecord& record);
  /// Hands over what there is; called about once a second and at the end.
  void flush() { stream_.flush(); }
  const AccessLogTarget& target() const { return *target_; }

 private:
  void write_json(const AccessRecord& record);
  void write_template(const AccessRecord& record);

  std::shared_ptr<const AccessLogTarget> target_;   // outlives stream_
  LogStream stream_;
  TimeText time_;
  ClfTimeText clf_time_;
  std::string scratch_;
};

}  // namespace sluice::observe
