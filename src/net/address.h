// Where a socket is: an IP address and port, or a unix path. Names are resolved by net/resolver.h.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"

namespace sluice::net {

class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const IpAddress& ip, uint16_t port) : ip_(ip), port_(port) {}
  static SocketAddress unix_path(std::string path);
  /// "1.2.3.4:80", "[::1]:80", ":80" (every address, both families), "unix:/path"; no names.
  static Result<SocketAddress> parse(std::string_view text);
  static SocketAddress from(const sockaddr* address, socklen_t size);

  bool is_unix() const { return !path_.empty(); }
  bool is_any() const { return ip_.is_none() && !is_unix(); }
  const IpAddress& ip() const { return ip_; }
  uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }

  /// Fills a sockaddr for bind or connect. "Any" becomes [::] with both families.
  /// gives: its size
  socklen_t fill(sockaddr_storage& out) const;
  int family() const;
  std::string to_string() const;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;

 private:
  IpAddress ip_;
  uint16_t port_ = 0;
  std::string path_;
};

/// "host:port" split into its parts; the host may be a name.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace sluice::net
