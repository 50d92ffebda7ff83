// Tells the service manager what becomes of this service: the datagrams of sd_notify(3), without
// libsystemd. Does nothing, at no cost, where there is no service manager; a datagram that cannot
// be sent is no error of ours. Knows nothing of loops: the keeper decides when. Source:
// sd_notify(3), sd_watchdog_enabled(3), systemd 252.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

#include "base/clock.h"

namespace sluice::control {

class Notifier {
 public:
  /// What the service manager puts into the environment; empty: not given.
  struct Environment {
    std::string socket{};  // NOTIFY_SOCKET: a path, or a name in the abstract space behind "@"
    std::string watchdog_usec{};  // WATCHDOG_USEC: microseconds
    std::string watchdog_pid{};   // WATCHDOG_PID: whom the watchdog is for; not given: this process
  };

  /// Reads the environment of this process. needs: no other thread changes it
  static Environment environment();

  explicit Notifier(const Environment& environment);
  Notifier(const Notifier&) = delete;
  ~Notifier();

  /// There is somebody to tell.
  bool active() const { return socket_ >= 0; }

  /// Started, or done with a reload, however that ended.
  void ready(std::string_view status = {});
  /// A reload begins; ready() ends it.
  void reloading();
  void stopping(std::string_view status = {});
  /// One line for `systemctl status`; what would end the line becomes a space.
  void status(std::string_view text);
  /// Shows that every part that must be alive is. Never waits.
  void watchdog();
  /// How often watchdog() is to be called: half of what the service manager allows, so that one
  /// late call is not the end. gives: zero when it does not ask
  Duration watchdog_interval() const { return watchdog_interval_; }

 private:
  enum class Wait : uint8_t { no, yes };

  void send(std::string_view message, Wait wait);

  sockaddr_un address_{};
  socklen_t address_bytes_ = 0;
  int socket_ = -1;  // opened once: the last words need no free descriptor
  Duration watchdog_interval_{};
};

}  // namespace sluice::control
