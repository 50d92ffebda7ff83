// The access log: a JSON line for each request that ended. The fields are described in
// docs/logging.md; they are an interface, names are added and never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/ip.h"
#include "observe/log_file.h"
#include "observe/time_text.h"

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
  std::string_view tls_version;     // "TLSv1.3"
  std::string_view user_agent;
  std::string_view referer;
};

struct AccessLogOptions {
  /// Also write queries, the referer's too: they may hold secrets.
  bool query = false;
};

/// One worker's access log.
class AccessLog {
 public:
  AccessLog(LogFile& file, AccessLogOptions options) : stream_(file), options_(options) {}

  /// cost: under 0.5 us, no system call, no allocation; a line that finds no room is dropped and
  /// counted
  void write(const AccessRecord& record);
  /// Hands over what there is; called about once a second and at the end.
  void flush() { stream_.flush(); }

 private:
  LogStream stream_;
  AccessLogOptions options_;
  TimeText time_;
  std::string scratch_;
};

}  // namespace sluice::observe
