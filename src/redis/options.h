// Whom a client talks to, how, and with how much patience.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/live.h"
#include "crypto/secret.h"
#include "net/shared_tls.h"
#include "redis/shared_presence.h"

namespace sluice::redis {

/// Where a server is: a host name or IP address and port, or a unix socket.
struct Place {
  std::string host{};
  uint16_t port = 0;
  std::string unix_path{};   // empty for TCP

  std::string to_string() const;
  friend bool operator==(const Place&, const Place&) = default;
};

/// Who we are there.
struct Login {
  std::string user{};           // empty: Redis' default user
  crypto::Secret password{};    // empty: none is sent
};
/// Of an instance. Those in force are used by the next connection.
struct Logins {
  Login server{};
  Login sentinel{};   // of the sentinels themselves
};

enum class Layout : uint8_t {
  single,     // one server, or several names of it
  sentinel,   // `places` are sentinels, which know the master
  cluster,    // `places` are some nodes of a cluster, which know the others
};

/// Longer than a Redis 50 ms away takes, and a fallback stands within 100 ms of its freezing.
inline constexpr Duration kCommandTimeout = std::chrono::milliseconds(80);
/// TCP, TLS and login: three round trips across an ocean.
inline constexpr Duration kConnectTimeout = std::chrono::milliseconds(500);
/// Commands of one worker without an answer; beyond, the asker decides alone.
inline constexpr uint32_t kQueueMax = 4'096;
/// Their bytes.
inline constexpr size_t kQueueBytesMax = 4 << 20;

struct Options {
  std::string name{};   // for the log
  Layout layout = Layout::single;
  std::vector<Place> places{};
  std::string master{};          // the name that sentinels know it by
  std::shared_ptr<const Live<Logins>> logins{};   // null: nobody asks who we are
  uint32_t database = 0;
  std::shared_ptr<const net::SharedClientTls> tls{};   // null: plain
  std::string tls_name{};        // what certificates are held against; empty: the host
  Duration connect_timeout = kConnectTimeout;
  Duration command_timeout = kCommandTimeout;
  uint32_t queue_max = kQueueMax;
  std::shared_ptr<SharedPresence> presence{};   // of the process; null: this client logs for itself
};

}  // namespace sluice::redis
