#include "observe/writer.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace sluice::observe {
namespace {

constexpr std::chrono::milliseconds kIdle{60'000};    // nothing to do; work wakes the thread
constexpr std::chrono::milliseconds kStalled{20};     // a reader was slow: look again soon

}  // namespace

LogWriter::LogWriter() {
  // Signals belong to the main thread; SIGPIPE and SIGXFSZ here would end the process over a log.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Result<LogFile*, std::error_code> LogWriter::open(LogOptions options) {
  Result<LogOutput, std::error_code> output = LogOutput::open(options.path);
  if (!output) return output.error();
  auto file = std::make_unique<LogFile>(std::move(options), std::move(*output), signal_);
  std::lock_guard lock(mutex_);
  files_.push_back(std::move(file));
  return files_.back().get();
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
  while (!signal_.wait(all_written ? kIdle : kStalled)) all_written = write_all();
  auto deadline = std::chrono::steady_clock::now() + patience_;
  while (!write_all() && std::chrono::steady_clock::now() < deadline) {
  }
  for (LogFile* file : turn_) file->discard_waiting();
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
