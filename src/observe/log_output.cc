#include "observe/log_output.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sluice::observe {
namespace {

constexpr size_t kBatchBuffers = 64;       // 4 MiB a call; IOV_MAX is 1024
constexpr int kPipeWaitMs = 20;            // other logs wait that long behind a stalled pipe
constexpr size_t kPieceBytes = PIPE_BUF;   // a pipe with POLLOUT takes it at once: pipe(7)

std::error_code last_error() { return {errno, std::generic_category()}; }

// A pipe that nobody reads must not hold us up: it gives ENXIO. What is open then is written to after poll() only.
int open_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd >= 0) fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

}  // namespace

Result<LogOutput, std::error_code> LogOutput::open(const std::string& path) {
  int fd = -1;
  if (path == "-" || path == "stdout") fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  else if (path == "stderr") fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  else fd = open_file(path);
  if (fd < 0) return last_error();
  return LogOutput(fd);
}

LogOutput::LogOutput(int fd) : fd_(fd) {
  struct stat facts {};
  regular_ = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

LogOutput::LogOutput(LogOutput&& other) noexcept { *this = std::move(other); }

LogOutput& LogOutput::operator=(LogOutput&& other) noexcept {
  std::swap(fd_, other.fd_);
  regular_ = other.regular_;
  line_open_ = other.line_open_;
  error_ = other.error_;
  return *this;
}

LogOutput::~LogOutput() {
  if (fd_ >= 0) ::close(fd_);
}

LogOutput::Outcome LogOutput::write(LogBufferQueue& waiting, LogBufferQueue& done) {
  Outcome outcome = Outcome::all;
  while (!waiting.empty() && outcome == Outcome::all) {
    outcome = regular_ ? write_batch(waiting, done) : write_piece(waiting, done);
  }
  return outcome;
}

LogOutput::Outcome LogOutput::write_batch(LogBufferQueue& waiting, LogBufferQueue& done) {
  iovec pieces[kBatchBuffers];
  int count = 0;
  for (LogBuffer* at = waiting.front(); at != nullptr && count < int{kBatchBuffers};
       at = at->next.get()) {
    pieces[count++] = {at->bytes.get() + at->written, at->size - at->written};
  }
  return after(::writev(fd_, pieces, count), waiting, done);
}

LogOutput::Outcome LogOutput::write_piece(LogBufferQueue& waiting, LogBufferQueue& done) {
  pollfd ready{fd_, POLLOUT, 0};
  if (::poll(&ready, 1, kPipeWaitMs) == 0) return Outcome::stalled;
  std::string_view bytes = waiting.front()->unwritten().substr(0, kPieceBytes);
  return after(::write(fd_, bytes.data(), bytes.size()), waiting, done);
}

// Takes the result of a write: moves on by that much, or says why not.
LogOutput::Outcome LogOutput::after(ssize_t result, LogBufferQueue& waiting, LogBufferQueue& done) {
  if (result < 0) {
    if (errno == EINTR) return Outcome::all;
    error_ = last_error();
    return errno == EAGAIN ? Outcome::stalled : Outcome::failed;
  }
  auto bytes = static_cast<size_t>(result);
  while (!waiting.empty() && bytes >= waiting.front()->unwritten().size()) {
    std::string_view rest = waiting.front()->unwritten();
    bytes -= rest.size();
    if (!rest.empty()) line_open_ = rest.back() != '\n';
    done.push(waiting.pop());
  }
  if (bytes > 0) {
    line_open_ = waiting.front()->unwritten()[bytes - 1] != '\n';
    waiting.front()->written += bytes;
  }
  return Outcome::all;
}

bool LogOutput::deleted() const {
  struct stat facts {};
  return regular_ && fstat(fd_, &facts) == 0 && facts.st_nlink == 0;
}

bool LogOutput::same_file(const LogOutput& other) const {
  struct stat mine {}, its {};
  return fstat(fd_, &mine) == 0 && fstat(other.fd_, &its) == 0 && mine.st_dev == its.st_dev &&
         mine.st_ino == its.st_ino;
}

void LogOutput::replace(LogOutput other) {
  other.line_open_ = line_open_ && same_file(other);
  *this = std::move(other);
}

}  // namespace sluice::observe
