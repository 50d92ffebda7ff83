// PROXY protocol, versions 1 and 2: who the client in front of a load balancer is. Bytes in, verdict
// out; whether the sender is trusted is the caller's business.
// Source: https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/address.h"

namespace sluice::net {

inline constexpr size_t kProxyLineBytesMax = 107;     // version 1, its section 2.1, CRLF included
// Version 2 with its TLVs: section 2.2 keeps senders within one segment of the smallest MTU.
inline constexpr size_t kProxyHeaderBytesMax = 536;

struct ProxyHeader {
  /// Unset (is_any) for LOCAL, UNKNOWN, unix and datagram senders: the socket's own count then.
  SocketAddress client;
  SocketAddress destination;
  size_t consumed = 0;   // bytes of the header; what follows belongs to the connection
  bool has_addresses() const { return !client.is_any(); }
};

enum class ProxyVerdict : uint8_t { need_more, done, refused };

struct ProxyOutcome {
  ProxyVerdict verdict = ProxyVerdict::need_more;
  ProxyHeader header;       // when done
  const char* why = "";     // when refused: static text
};

/// Reads a header at the start of `bytes`, all that came so far. Stateless: call again with more; it
/// never needs more than kProxyHeaderBytesMax and refuses at the first byte that cannot be right.
ProxyOutcome parse_proxy_header(std::string_view bytes);

}  // namespace sluice::net
