#include "observe/writer.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace sluice::observe {
namespace {

constexpr std::chrono::milliseconds kIdle{60'000};    // nothing to do; work wakes the thread
constexpr std::chrono::milliseconds kStalled{20};     // a reader was slow: look again soon
constexpr std::chrono::milliseconds kAgain{1};        // at the end

}  // namespace

LogWriter::LogWriter() {
  // Signals belong to the main thread; SIGPIPE and SIGXFSZ here would end the process over a log.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Result<std::shared_ptr<LogFile>, std::error_code> LogWriter::open(LogOptions options) {
  Result<LogOutput, std::error_code> output = LogOutput::open(options.path);
  if (!output) return output.error();
  std::lock_guard lock(mutex_);
  SharedLogCounts& counts = counts_[options.name];
  auto& file = files_.emplace_back(
      std::make_unique<LogFile>(std::move(options), std::move(*output), signal_, counts));
  return std::shared_ptr<LogFile>(file.get(), [this](LogFile* unused) {
    unused->request_close();
    signal_.work();
  });
}

std::vector<std::pair<std::string, LogCounts>> LogWriter::counts() const {
  std::vector<std::pair<std::string, LogCounts>> out;
  std::lock_guard lock(mutex_);
  for (const auto& [name, counts] : counts_) out.emplace_back(name, counts.read());
  return out;
}

void LogWriter::reopen() {
  {
    std::lock_guard lock(mutex_);
    for (auto& file : files_) file->request_reopen();
  }
  signal_.work();
}

void LogWriter::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return;
  patience_ = patience;
  signal_.stop();
  thread_.join();
}

void LogWriter::run() {
  bool all_written = true;
  while (!signal_.wait(all_written ? kIdle : kStalled)) {
    all_written = write_all();
    all_written = close_unused() && all_written;
  }
  auto deadline = std::chrono::steady_clock::now() + patience_;
  while (!write_all() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kAgain);
  }
  for (LogFile* file : turn_) file->discard_waiting();
}

// Closed is what nobody holds any more, when its last lines are out or cannot be written.
// gives: whether none has to wait for that
bool LogWriter::close_unused() {
  bool none_left = true;
  std::lock_guard lock(mutex_);
  std::erase_if(files_, [&](const std::unique_ptr<LogFile>& file) {
    if (!file->closing()) return false;
    bool done = file->failing() || file->nothing_waits();
    if (done) file->discard_waiting();
    none_left = none_left && done;
    return done;
  });
  return none_left;
}

bool LogWriter::write_all() {
  {
    std::lock_guard lock(mutex_);
    turn_.clear();
    for (auto& file : files_) turn_.push_back(file.get());
  }
  bool all_written = true;
  for (LogFile* file : turn_) all_written = file->write_waiting() && all_written;
  return all_written;
}

}  // namespace sluice::observe
