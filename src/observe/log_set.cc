#include "observe/log_set.h"

#include <unistd.h>

namespace sluice::observe {

void ErrorLog::write(std::string_view line) {
  if (std::shared_ptr<LogFile> file = this->file()) return file->write(line);
  [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

void ErrorLog::set_file(std::shared_ptr<LogFile> file) {
  std::lock_guard lock(mutex_);
  file_.swap(file);   // the old one is let go of after the lock: see LogWriter::open
}

std::shared_ptr<LogFile> ErrorLog::file() const {
  std::lock_guard lock(mutex_);
  return file_;
}

Result<LogSet::Prepared, std::vector<std::string>> LogSet::prepare(const LogConfig& config) {
  std::vector<std::string> faults;
  auto open = [&](std::string_view name, const std::string& path, std::shared_ptr<LogFile> old) {
    if (old != nullptr && old->path() == path) return old;
    LogOptions options;
    options.name = name;
    options.path = path;
    auto file = writer_.open(std::move(options));
    if (file) return *file;
    bool unread = file.error() == std::errc::no_such_device_or_address;
    faults.push_back("log." + std::string(name) + ": cannot open " + path + ": " +
                     (unread ? "a pipe that nobody reads, or a socket" : file.error().message()));
    return std::shared_ptr<LogFile>();
  };
  Prepared out;
  out.level = config.error.level;
  out.error = open(kErrorLogName, config.error.file.path, error_.file());
  if (config.access) {
    const AccessLogConfig& wanted = *config.access;
    std::shared_ptr<LogFile> file =
        open(kAccessLogName, wanted.file.path, access_ ? access_->file : nullptr);
    AccessLogTarget target{file, wanted.format, wanted.query};
    bool same = access_ && access_->file == file && access_->format == target.format &&
                access_->query == target.query;
    out.access = same ? access_ : std::make_shared<const AccessLogTarget>(std::move(target));
  }
  if (!faults.empty()) return faults;
  return out;
}

void LogSet::commit(Prepared prepared) {
  set_log_level(prepared.level);
  error_.set_file(std::move(prepared.error));
  set_log_sink(&error_);
  access_ = std::move(prepared.access);
  writer_.reopen();
}

void LogSet::stop() {
  set_log_sink(nullptr);
  writer_.stop();
}

}  // namespace sluice::observe
