#include "control/systemd.h"

#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace sluice::control {
namespace {

/// How long a change of state may wait for a service manager whose queue is full. systemd would
/// wait for ever on its side, as sd_notify does on ours; half a second of the keeper hurts nobody.
constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 500'000};
constexpr size_t kStatusBytesMax = 512;  // one line of `systemctl status`

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string one_line(std::string_view text) {
  std::string out(text.substr(0, kStatusBytesMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

std::string with_status(std::string_view state, std::string_view status) {
  std::string out(state);
  if (!status.empty()) out += "\nSTATUS=" + one_line(status);
  return out;
}

/// gives: bytes of the address; 0 when `name` is none
socklen_t fill_address(std::string_view name, sockaddr_un& address) {
  if (name.size() < 2 || name.size() >= sizeof(address.sun_path)) return 0;
  if (name.front() != '/' && name.front() != '@') return 0;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  size_t bytes = offsetof(sockaddr_un, sun_path) + name.size();
  if (name.front() == '/') return static_cast<socklen_t>(bytes + 1);  // and its end
  address.sun_path[0] = '\0';
  return static_cast<socklen_t>(bytes);
}

Duration interval_of(const Notifier::Environment& environment) {
  if (!environment.watchdog_pid.empty()) {
    std::optional<uint64_t> pid = parse_decimal(environment.watchdog_pid);
    if (!pid || *pid != static_cast<uint64_t>(getpid())) return {};
  }
  std::optional<uint64_t> micros = parse_decimal(environment.watchdog_usec);
  // systemd's own word for "never" is the largest number.
  constexpr uint64_t kMicrosMax = uint64_t{365} * 86'400 * 1'000'000;
  if (!micros || *micros > kMicrosMax) return {};
  return std::chrono::microseconds(*micros) / 2;
}

}  // namespace

Notifier::Environment Notifier::environment() {
  return {.socket = variable("NOTIFY_SOCKET"),
          .watchdog_usec = variable("WATCHDOG_USEC"),
          .watchdog_pid = variable("WATCHDOG_PID")};
}

Notifier::Notifier(const Environment& environment) {
  address_bytes_ = fill_address(environment.socket, address_);
  if (address_bytes_ == 0) return;
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return;
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  watchdog_interval_ = interval_of(environment);
}

Notifier::~Notifier() {
  if (socket_ >= 0) ::close(socket_);
}

void Notifier::ready(std::string_view status) {
  send(with_status("READY=1", status), Wait::yes);
}

void Notifier::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t micros =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros), Wait::yes);
}

void Notifier::stopping(std::string_view status) {
  send(with_status("STOPPING=1", status), Wait::yes);
}

void Notifier::status(std::string_view text) {
  send("STATUS=" + one_line(text), Wait::no);
}

void Notifier::watchdog() {
  send("WATCHDOG=1", Wait::no);
}

void Notifier::send(std::string_view message, Wait wait) {
  if (socket_ < 0) return;
  int flags = MSG_NOSIGNAL | (wait == Wait::no ? MSG_DONTWAIT : 0);
  // What fails here fails again at the next call, and the service manager notices by itself: it has
  // timeouts.
  [[maybe_unused]] ssize_t sent =
      ::sendto(socket_, message.data(), message.size(), flags,
               reinterpret_cast<const sockaddr*>(&address_), address_bytes_);
}

}  // namespace sluice::control
