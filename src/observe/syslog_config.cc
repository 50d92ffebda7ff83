#include "observe/syslog_config.h"

#include <algorithm>
#include <utility>

#include "base/ip.h"
#include "base/text.h"

namespace sluice::observe {

using config::field;
using config::Field;
using config::TextError;
using Kind = SyslogAddress::Kind;

namespace {

constexpr std::pair<std::string_view, Kind> kSchemes[] = {
    {"unix:", Kind::unix_datagram}, {"udp://", Kind::udp}, {"tcp://", Kind::tcp}};
constexpr size_t kPathMax = 107;   // of sockaddr_un, with its end
constexpr size_t kNameMax = 253;   // of a DNS name

bool is_host_name(std::string_view text) {
  auto fits = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_'; };
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, fits);
}

Result<SyslogAddress, TextError> parse_host(Kind kind, std::string_view text) {
  SyslogAddress out{kind, {}, kind == Kind::udp ? SyslogAddress::kUdpPort : SyslogAddress::kTcpPort};
  std::string_view host = text;
  if (size_t colon = text.rfind(':'); colon != text.npos && text.back() != ']') {
    auto port = parse_decimal(text.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return TextError{"the port must be 1 to 65535", 0};
    out.port = static_cast<uint16_t>(*port);
    host = text.substr(0, colon);
  }
  bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto ip = IpAddress::parse(host);
  if (bracketed ? !ip || ip->is_v4() : !is_host_name(host)) {
    return TextError{"the host is a name, an IPv4 address or an IPv6 address in brackets", 0};
  }
  out.place = host;
  return out;
}

constexpr Field kSyslogFields[] = {
    field<&SyslogConfig::address>({.name = "address",
                                   .about = "Where the syslog server listens: a unix socket (of datagrams), UDP or TCP.",
                                   .reason = "where a machine's own syslog server is found",
                                   .example = "\"tcp://logs.internal:601\""}),
    field<&SyslogConfig::facility>({.name = "facility",
                                    .about = "Under which facility records are filed.",
                                    .reason = "who may read them is decided as for other logs of logins"}),
};

}  // namespace

Result<SyslogAddress, TextError> SyslogAddress::parse(std::string_view text) {
  for (auto [scheme, kind] : kSchemes) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    if (kind != Kind::unix_datagram) return parse_host(kind, text);
    if (text.empty() || text.size() > kPathMax) return TextError{"a unix path must have 1 to 107 bytes", 0};
    return SyslogAddress{kind, std::string(text), 0};
  }
  return TextError{"it begins with unix:, udp:// or tcp://", 0};
}

std::string SyslogAddress::to_string() const {
  std::string out(kSchemes[static_cast<size_t>(kind)].first);
  if (kind == Kind::unix_datagram) return out + place;
  bool is_v6 = place.find(':') != place.npos;
  return out + (is_v6 ? "[" + place + "]" : place) + ":" + std::to_string(port);
}

int facility_code(SyslogFacility facility) {
  constexpr int kCodes[] = {1, 3, 4, 10, 13, 16, 17, 18, 19, 20, 21, 22, 23};
  return kCodes[static_cast<size_t>(facility)];
}

std::span<const Field> config_fields(const SyslogConfig*) {
  return kSyslogFields;
}

}  // namespace sluice::observe
