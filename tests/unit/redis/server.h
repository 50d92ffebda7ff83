// A real redis-server of the test's own: on a free port and a unix socket, in a folder that goes away with it.
#pragma once

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace sluice::redis {

struct ServerSpec {
  std::vector<std::string> arguments{};   // "--requirepass", "secret"
  uint16_t port = 0;                      // 0: a free one
  bool sentinel = false;
  std::string config{};                   // further lines of its configuration file
  std::string certificate{}, key{}, authority{};   // all: the port speaks TLS, and asks for certificates
};

/// A port of loopback that was free a moment ago.
uint16_t free_port();

class RedisServer {
 public:
  explicit RedisServer(ServerSpec spec = {});
  RedisServer(const RedisServer&) = delete;
  ~RedisServer();

  uint16_t port() const { return spec_.port; }
  std::string path() const { return folder_ + "/redis.sock"; }
  const std::string& folder() const { return folder_; }

  /// Waits until it answers.
  void start();
  /// SIGKILL, and waits for the end.
  void kill();
  void freeze();
  void thaw();

  /// By its unix socket, blocking. gives: the reply as text, elements of arrays separated by spaces
  std::string ask(std::initializer_list<std::string> arguments);
  /// Memory that it says it uses is not asked for; this is its process.
  pid_t pid() const { return pid_; }

 private:
  bool answers();
  ServerSpec spec_;
  std::string folder_;
  pid_t pid_ = -1;
};

/// A port that takes connections into its queue until that is full: SYNs are dropped from then on.
class BlackHole {
 public:
  BlackHole();
  ~BlackHole();
  uint16_t port() const { return port_; }

 private:
  std::vector<int> sockets_;
  uint16_t port_ = 0;
};

}  // namespace sluice::redis
