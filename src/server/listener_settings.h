// What one [listen.NAME] means for the connections that it accepts. Immutable; a connection keeps the
// settings that it was accepted under.
#pragma once

#include <memory>
#include <string>

#include "base/ip_filter.h"
#include "http/default_fields.h"
#include "http/h1_parser.h"
#include "http/h2_limits.h"
#include "net/address.h"
#include "net/shared_tls.h"
#include "wire/connection.h"

namespace sluice::server {

/// What clients may speak. HTTP/2: by ALPN where there is TLS, elsewhere from the first byte on (h2c).
struct Protocols {
  bool h1 = true;
  bool h2 = false;
  /// For ALPN, in wire form.
  const std::string& alpn() const {
    static const std::string both = "\x02h2\x08http/1.1", only_h1 = "\x08http/1.1", only_h2 = "\x02h2";
    return h1 && h2 ? both : h2 ? only_h2 : only_h1;
  }
};

struct ListenerSettings {
  std::string name;
  net::SocketAddress address;
  wire::Timeouts timeouts;
  Protocols protocols;
  http::H1Limits limits;
  http::H2Limits h2_limits;
  uint64_t body_bytes_max = UINT64_MAX;   // unless the route has a limit of its own: known only after routing
  std::shared_ptr<const net::SharedServerTls> tls;   // null: plain
  bool asks_certificates = false;   // of clients: a request for another host than the handshake's is refused
  uint32_t per_ip_max = UINT32_MAX;   // connections of one client address, whole process
  std::shared_ptr<const IpFilter> ips;   // of clients, before a byte of theirs is read; null: everybody may come
  bool proxy_protocol = false;
  uint16_t redirect_port = 0;      // not 0: every request is redirected to https on that port
  std::shared_ptr<const http::DefaultFields> security;   // of every response whose route has none; null: none
  std::string hsts;                // value of Strict-Transport-Security; empty: none
  uint32_t metrics_id = 0;
};

}  // namespace sluice::server
