#include "control/systemd.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace sluice::control {
namespace {

/// What the service manager holds: a datagram socket on a path or, with "@", on an abstract name.
class Manager {
 public:
  explicit Manager(const std::string& name) : name_(name) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    size_t bytes = offsetof(sockaddr_un, sun_path) + name.size();
    if (name.front() == '@') address.sun_path[0] = '\0';
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(bytes)), 0);
  }
  ~Manager() {
    ::close(fd_);
    if (name_.front() == '/') ::unlink(name_.c_str());
  }

  const std::string& name() const { return name_; }

  /// The next datagram; empty when there is none.
  std::string next() const {
    char buffer[2048];
    ssize_t size = ::recv(fd_, buffer, sizeof(buffer), 0);
    return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }

 private:
  std::string name_;
  int fd_ = -1;
};

std::string path_name() {
  return testing::TempDir() + "notify-" + std::to_string(getpid()) + ".sock";
}

TEST(Notifier, tells_each_change_in_one_datagram) {
  Manager manager(path_name());
  Notifier notifier({.socket = manager.name()});
  ASSERT_TRUE(notifier.active());
  notifier.ready();
  EXPECT_EQ(manager.next(), "READY=1");
  notifier.ready("3 listeners, 2 workers");
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=3 listeners, 2 workers");
  notifier.status("draining");
  EXPECT_EQ(manager.next(), "STATUS=draining");
  notifier.watchdog();
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
  notifier.stopping();
  EXPECT_EQ(manager.next(), "STOPPING=1");
  EXPECT_EQ(manager.next(), "");
}

TEST(Notifier, a_reload_carries_the_time_at_which_it_began) {
  Manager manager(path_name());
  Notifier notifier({.socket = manager.name()});
  notifier.reloading();
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  std::string message = manager.next();
  std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(message.starts_with(prefix)) << message;
  long long micros = std::stoll(message.substr(prefix.size()));
  long long end = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  EXPECT_LE(micros, end);
  EXPECT_GT(micros, end - 10'000'000);
}

TEST(Notifier, finds_a_socket_in_the_abstract_space) {
  Manager manager("@sluice-notify-" + std::to_string(getpid()));
  Notifier notifier({.socket = manager.name()});
  notifier.ready();
  EXPECT_EQ(manager.next(), "READY=1");
}

TEST(Notifier, a_status_is_one_line_of_bounded_length) {
  Manager manager(path_name());
  Notifier notifier({.socket = manager.name()});
  notifier.status("bad\nREADY=1\r\x7f!");
  EXPECT_EQ(manager.next(), "STATUS=bad READY=1  !");
  notifier.status(std::string(4000, 'x'));
  EXPECT_EQ(manager.next(), "STATUS=" + std::string(512, 'x'));
}

TEST(Notifier, is_silent_where_nobody_listens) {
  for (const char* name : {"", "@", "/", "relative.sock", "vsock:2:1"}) {
    Notifier notifier({.socket = name, .watchdog_usec = "2000000"});
    notifier.ready();
    notifier.watchdog();
    EXPECT_FALSE(notifier.active()) << name;
    EXPECT_EQ(notifier.watchdog_interval(), Duration::zero()) << name;
  }
  Notifier too_long({.socket = "/" + std::string(sizeof(sockaddr_un::sun_path), 'a')});
  EXPECT_FALSE(too_long.active());
}

TEST(Notifier, a_service_manager_that_went_and_came_back_hears_again) {
  std::string name = path_name();
  auto manager = std::make_unique<Manager>(name);
  Notifier notifier({.socket = name});
  manager.reset();
  notifier.ready();  // to nobody
  manager = std::make_unique<Manager>(name);
  notifier.ready();
  EXPECT_EQ(manager->next(), "READY=1");
}

TEST(Notifier, a_service_manager_that_does_not_read_holds_nobody_up) {
  Manager manager(path_name());
  Notifier notifier({.socket = manager.name()});
  // The queue of a datagram socket holds a handful; the watchdog must never wait for room in it.
  for (int i = 0; i < 1000; ++i) notifier.watchdog();
  int heard = 0;
  while (manager.next() == "WATCHDOG=1") ++heard;
  EXPECT_GT(heard, 0);
  EXPECT_LT(heard, 1000);
}

struct WatchdogCase {
  const char* name;
  std::string usec;
  std::string pid;
  Duration interval;
};

TEST(Notifier, the_watchdog_is_asked_for_in_the_environment) {
  using std::chrono::milliseconds;
  std::string self = std::to_string(getpid());
  Manager manager(path_name());
  for (const WatchdogCase& given : {
           WatchdogCase{"nothing", "", "", Duration::zero()},
           WatchdogCase{"no pid", "10000000", "", milliseconds(5000)},
           WatchdogCase{"this process", "30000", self, milliseconds(15)},
           WatchdogCase{"another process", "10000000", std::to_string(getpid() + 1),
                        Duration::zero()},
           WatchdogCase{"a pid that is none", "10000000", "me", Duration::zero()},
           WatchdogCase{"no number", "soon", self, Duration::zero()},
           WatchdogCase{"zero", "0", self, Duration::zero()},
           WatchdogCase{"never", "18446744073709551615", self, Duration::zero()},
       }) {
    Notifier notifier(
        {.socket = manager.name(), .watchdog_usec = given.usec, .watchdog_pid = given.pid});
    EXPECT_EQ(notifier.watchdog_interval(), given.interval) << given.name;
  }
}

TEST(Notifier, reads_the_environment_of_the_process) {
  setenv("NOTIFY_SOCKET", "@name", 1);
  setenv("WATCHDOG_USEC", "5", 1);
  unsetenv("WATCHDOG_PID");
  Notifier::Environment environment = Notifier::environment();
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(environment.socket, "@name");
  EXPECT_EQ(environment.watchdog_usec, "5");
  EXPECT_EQ(environment.watchdog_pid, "");
}

}  // namespace
}  // namespace sluice::control
