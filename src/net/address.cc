#include "net/address.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "base/text.h"

namespace sluice::net {
namespace {

constexpr std::string_view kUnix = "unix:";

Error bad(const char* what) {
  return Error{Code::bad_value, Side::gateway, Progress::unsent, what};
}

}  // namespace

SocketAddress SocketAddress::unix_path(std::string path) {
  SocketAddress address;
  address.path_ = std::move(path);
  return address;
}

Result<HostPort> parse_host_port(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return bad("host and port alone, without a scheme");
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.back() == ']') return bad("a port is missing");
  auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return bad("the port must be 1 to 65535");
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto ip = IpAddress::parse(host);
    if (!ip) return bad("not an IPv6 address in brackets");
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address needs brackets");
  }
  return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  if (text.starts_with(kUnix)) {
    std::string_view path = text.substr(kUnix.size());
    if (path.empty() || path.size() >= sizeof(sockaddr_un{}.sun_path)) {
      return bad("a unix path must have 1 to 107 bytes");
    }
    return unix_path(std::string(path));
  }
  if (text.starts_with('/')) return bad("write \"unix:\" before a path");
  Result<HostPort> parts = parse_host_port(text);
  if (!parts) return parts.error();
  if (parts->host.empty()) return SocketAddress(IpAddress{}, parts->port);
  auto ip = IpAddress::parse(parts->host);
  if (!ip) return bad("not an IP address");
  return SocketAddress(*ip, parts->port);
}

SocketAddress SocketAddress::from(const sockaddr* address, socklen_t size) {
  if (address->sa_family == AF_INET) {
    auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return {IpAddress::v4(reinterpret_cast<const uint8_t*>(&v4->sin_addr)), ntohs(v4->sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    return {IpAddress::v6(v6->sin6_addr.s6_addr), ntohs(v6->sin6_port)};
  }
  if (address->sa_family == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
    return unix_path(reinterpret_cast<const sockaddr_un*>(address)->sun_path);
  }
  return {};
}

int SocketAddress::family() const {
  if (is_unix()) return AF_UNIX;
  return ip_.is_v4() ? AF_INET : AF_INET6;
}

socklen_t SocketAddress::fill(sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof(out));
  if (is_unix()) {
    auto& path = reinterpret_cast<sockaddr_un&>(out);
    path.sun_family = AF_UNIX;
    std::memcpy(path.sun_path, path_.data(), path_.size());
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size() + 1);
  }
  if (ip_.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port_);
    std::memcpy(&v4.sin_addr, ip_.bytes().data(), 4);
    return sizeof(sockaddr_in);
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port_);
  if (ip_.is_v6()) std::memcpy(&v6.sin6_addr, ip_.bytes().data(), 16);   // else "any"
  return sizeof(sockaddr_in6);
}

std::string SocketAddress::to_string() const {
  if (is_unix()) return "unix:" + path_;
  std::string host = is_any() ? "" : ip_.is_v6() ? "[" + ip_.to_string() + "]" : ip_.to_string();
  return host + ":" + std::to_string(port_);
}

}  // namespace sluice::net
