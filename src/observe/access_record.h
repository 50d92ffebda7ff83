// What the access log is told about a request that has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/ip.h"
#include "base/named_value.h"
#include "http/fields.h"

namespace sluice::observe {

/// What one line says. Texts are views that live until write() returns, as received: any byte may
/// occur. What is empty, zero-length or absent is left out of the line.
struct AccessRecord {
  WallTime time{};                  // when the request began
  std::string_view request_id;
  std::string_view trace_id;
  IpAddress client_ip;              // after trusted_proxies
  std::string_view listener;
  std::string_view method;
  std::string_view authority;
  std::string_view path;            // canonical; as received when it was refused
  std::string_view query;           // without "?"; written only if the log is told to
  std::string_view version;         // "HTTP/1.1"
  uint16_t status = 0;              // 0: no response was begun
  std::optional<uint8_t> grpc_status;   // of a gRPC call
  uint64_t request_bytes = 0;       // bodies
  uint64_t response_bytes = 0;
  std::chrono::microseconds duration{};
  std::optional<std::chrono::microseconds> upstream_time;   // head sent to head received
  std::string_view route;
  std::string_view upstream;
  std::string_view endpoint;        // address and port
  uint32_t retries = 0;
  std::string_view problem;         // code of a response that the gateway made
  std::optional<Side> aborted;      // who ended the exchange early
  std::string_view closed;          // of a socket that ended: what ended it; such a record follows that of its opening
  uint16_t close_code = 0;          // of the Close frame that came or was sent first; 0: none
  std::string_view tls_version;     // "TLSv1.3"
  std::string_view user_agent;
  std::string_view referer;
  const http::Fields* fields = nullptr;      // of the request, for templates
  std::span<const NamedValue> params;        // of the matched path, for templates
};

/// "client", "upstream" or "gateway".
constexpr std::string_view side_name(Side side) {
  switch (side) {
    case Side::gateway: return "gateway";
    case Side::client: return "client";
    case Side::upstream: return "upstream";
  }
  return "gateway";
}

/// A URL up to its query and fragment.
constexpr std::string_view without_query(std::string_view url) {
  return url.substr(0, url.find_first_of("?#"));
}

/// A clock that went back shows as 0.
constexpr uint64_t micros_of(std::chrono::microseconds time) {
  return time.count() < 0 ? 0 : static_cast<uint64_t>(time.count());
}

/// Longest values in a line, in bytes before escaping.
inline constexpr size_t kPathMax = 4096;       // half of the default limit on the request line
inline constexpr size_t kQueryMax = 2048;
inline constexpr size_t kRefererMax = 1024;
inline constexpr size_t kUserAgentMax = 512;
inline constexpr size_t kAuthorityMax = 256;   // a DNS name has 253
inline constexpr size_t kNameMax = 128;        // names from the configuration, ids, the method

}  // namespace sluice::observe
