#include "config/file_text.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::config {
namespace {

using SteadyClock = std::chrono::steady_clock;

class File {
 public:
  explicit File(const std::string& path)
      // Without O_NONBLOCK a pipe that nobody writes into would hold the thread here.
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  File(const File&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

enum class Wait : uint8_t { readable, over, late };

/// Waits until a pipe has bytes, or its last writer has gone.
Wait wait_for_bytes(int file, SteadyClock::time_point until) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
  if (left <= 0) return Wait::late;
  pollfd one{file, POLLIN, 0};
  int ready = ::poll(&one, 1, static_cast<int>(left));
  if (ready == 0) return Wait::late;
  bool ended = ready > 0 && (one.revents & POLLHUP) != 0 && (one.revents & POLLIN) == 0;
  return ended ? Wait::over : Wait::readable;
}

}  // namespace

std::optional<std::string> read_file_text(const std::string& path, size_t bytes_max, std::string& why,
                                          std::chrono::milliseconds pipe_patience) {
  auto failed = [&](const char* reason) -> std::optional<std::string> {
    why = reason;
    return std::nullopt;
  };
  struct stat status {};
  File file(path);
  if (file.number() < 0 && errno == ENXIO) return failed("not a file");   // a socket
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) return failed(std::strerror(errno));
  bool pipe = S_ISFIFO(status.st_mode);
  if (!S_ISREG(status.st_mode) && !pipe) return failed("not a file");
  auto until = SteadyClock::now() + pipe_patience;
  std::string text;
  char chunk[64 * 1024];
  while (text.size() <= bytes_max) {
    ssize_t got = ::read(file.number(), chunk, sizeof(chunk));
    if (got > 0) {
      text.append(chunk, static_cast<size_t>(got));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN) return failed(std::strerror(errno));
    bool end = got == 0 && (!pipe || !text.empty());   // an empty pipe may be one that nobody has opened yet
    if (end) return text;
    switch (wait_for_bytes(file.number(), until)) {
      case Wait::readable: break;
      case Wait::over: return text;
      case Wait::late: return failed("a pipe, and whoever writes into it did not come to an end");
    }
  }
  return text;
}

}  // namespace sluice::config
