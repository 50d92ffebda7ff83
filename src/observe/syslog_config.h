// [log.audit.syslog]: where a syslog server listens, and under which facility records go there. The messages:
// export/syslog_message.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/types.h"

namespace sluice::observe {

/// "unix:/dev/log", "udp://10.0.0.9:514" or "tcp://logs.internal:601".
struct SyslogAddress {
  enum class Kind : uint8_t { unix_datagram, udp, tcp };
  static constexpr uint16_t kUdpPort = 514;   // RFC 5426
  static constexpr uint16_t kTcpPort = 601;   // RFC 6587's choice in IANA's list: syslog-conn

  Kind kind = Kind::unix_datagram;
  std::string place;   // a path, or a host name or IP address
  uint16_t port = 0;

  static Result<SyslogAddress, config::TextError> parse(std::string_view text);
  std::string to_string() const;
  friend bool operator==(const SyslogAddress&, const SyslogAddress&) = default;
};

/// RFC 5424 section 6.2.1, those that a daemon may use.
enum class SyslogFacility : uint8_t {
  user, daemon, auth, authpriv, audit, local0, local1, local2, local3, local4, local5, local6, local7,
};
int facility_code(SyslogFacility facility);

struct SyslogConfig {
  SyslogAddress address{SyslogAddress::Kind::unix_datagram, "/dev/log", 0};
  SyslogFacility facility = SyslogFacility::authpriv;

  friend bool operator==(const SyslogConfig&, const SyslogConfig&) = default;
};

std::span<const config::Field> config_fields(const SyslogConfig*);

}  // namespace sluice::observe

namespace sluice::config {

template <>
struct TextForm<observe::SyslogAddress> {
  static constexpr std::string_view noun =
      "an address such as \"unix:/dev/log\", \"udp://10.0.0.9:514\" or \"tcp://logs.internal:601\"";
  static Result<observe::SyslogAddress, TextError> parse(std::string_view text) {
    return observe::SyslogAddress::parse(text);
  }
  static std::string print(const observe::SyslogAddress& address) { return address.to_string(); }
};

template <>
struct Choices<observe::SyslogFacility> {
  static constexpr std::string_view names[] = {"user",   "daemon", "auth",   "authpriv", "audit",  "local0", "local1",
                                               "local2", "local3", "local4", "local5",   "local6", "local7"};
};

}  // namespace sluice::config
