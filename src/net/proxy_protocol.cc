#include "net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace sluice::net {
namespace {

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t kFixedBytes = 16;      // signature, version and command, family, length
constexpr size_t kUnixBytes = 216;
constexpr size_t kTlvHeaderBytes = 3;

ProxyOutcome need_more() { return {}; }
ProxyOutcome refused(const char* why) { return {ProxyVerdict::refused, {}, why}; }
ProxyOutcome done(ProxyHeader header) { return {ProxyVerdict::done, std::move(header), ""}; }

bool begins_like(std::string_view bytes, std::string_view start) {
  size_t common = std::min(bytes.size(), start.size());
  return bytes.substr(0, common) == start.substr(0, common);
}

uint16_t number16(std::string_view bytes) {
  auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.size() > 5 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  auto port = parse_decimal(text);
  if (!port || *port > 65535) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

/// "SOURCE DESTINATION SOURCE_PORT DESTINATION_PORT", one space between each.
ProxyOutcome parse_line_addresses(std::string_view text, bool v6, size_t consumed) {
  std::array<std::string_view, 4> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    size_t end = i + 1 < parts.size() ? text.find(' ') : text.size();
    if (end == std::string_view::npos) return refused("fields are missing in the line");
    parts[i] = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  auto client = IpAddress::parse(parts[0]);
  auto destination = IpAddress::parse(parts[1]);
  auto is_v6_text = [](std::string_view address) { return address.find(':') != address.npos; };
  if (!client || !destination || is_v6_text(parts[0]) != v6 || is_v6_text(parts[1]) != v6) {
    return refused("an address in the line is invalid");
  }
  auto client_port = parse_port(parts[2]);
  auto destination_port = parse_port(parts[3]);
  if (!client_port || !destination_port) return refused("a port in the line is invalid");
  return done({{*client, *client_port}, {*destination, *destination_port}, consumed});
}

ProxyOutcome parse_line(std::string_view bytes) {
  std::string_view window = bytes.substr(0, kProxyLineBytesMax);
  size_t end = window.find('\n');
  if (end == std::string_view::npos) {
    return window.size() == kProxyLineBytesMax ? refused("the line is too long") : need_more();
  }
  if (end <= kLineStart.size() || window[end - 1] != '\r') return refused("the line ends badly");
  std::string_view line = window.substr(kLineStart.size(), end - 1 - kLineStart.size());
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return done({{}, {}, end + 1});
  bool v4 = line.starts_with("TCP4 ");
  if (!v4 && !line.starts_with("TCP6 ")) return refused("the line names an unknown protocol");
  return parse_line_addresses(line.substr(5), !v4, end + 1);
}

/// TLVs are not used; they must fill the rest exactly.
bool tlvs_fit(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < kTlvHeaderBytes) return false;
    size_t size = kTlvHeaderBytes + number16(bytes.substr(1));
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

enum Family : uint8_t { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
enum Socket : uint8_t { kAny = 0, kStream = 1, kDatagram = 2 };

IpAddress ip_at(std::string_view body, size_t at, Family family) {
  auto* bytes = reinterpret_cast<const uint8_t*>(body.data()) + at;
  return family == kInet ? IpAddress::v4(bytes) : IpAddress::v6(bytes);
}

ProxyOutcome parse_body(std::string_view body, Family family, Socket socket) {
  const size_t consumed = kFixedBytes + body.size();
  const size_t address_bytes = family == kInet ? 4 : 16;
  size_t block = 0;
  if (family == kInet || family == kInet6) block = 2 * address_bytes + 4;
  if (family == kUnix) block = kUnixBytes;
  if (body.size() < block) return refused("the address block is too short");
  // What an unspecified family holds is not defined: skipped whole.
  if (family != kUnspecified && !tlvs_fit(body.substr(block))) return refused("a TLV does not fit");
  if ((family != kInet && family != kInet6) || socket != kStream) return done({{}, {}, consumed});
  SocketAddress client(ip_at(body, 0, family), number16(body.substr(2 * address_bytes)));
  SocketAddress destination(ip_at(body, address_bytes, family),
                            number16(body.substr(2 * address_bytes + 2)));
  return done({client, destination, consumed});
}

ProxyOutcome parse_binary(std::string_view bytes) {
  if (bytes.size() > 12) {
    auto version_command = static_cast<uint8_t>(bytes[12]);
    if (version_command >> 4 != 2) return refused("the version is not 2");
    if ((version_command & 15) > 1) return refused("the command is neither LOCAL nor PROXY");
  }
  if (bytes.size() > 13) {
    auto family_socket = static_cast<uint8_t>(bytes[13]);
    if (family_socket >> 4 > kUnix) return refused("the address family is unknown");
    if ((family_socket & 15) > kDatagram) return refused("the transport is unknown");
  }
  if (bytes.size() < kFixedBytes) return need_more();
  size_t size = number16(bytes.substr(14));
  if (kFixedBytes + size > kProxyHeaderBytesMax) return refused("the header is too long");
  if (bytes.size() < kFixedBytes + size) return need_more();
  if ((bytes[12] & 15) == 0) return done({{}, {}, kFixedBytes + size});   // LOCAL: a health check
  return parse_body(bytes.substr(kFixedBytes, size), static_cast<Family>(bytes[13] >> 4),
                    static_cast<Socket>(bytes[13] & 15));
}

}  // namespace

ProxyOutcome parse_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return need_more();
  if (begins_like(bytes, kSignature)) {
    return bytes.size() < kSignature.size() ? need_more() : parse_binary(bytes);
  }
  if (!begins_like(bytes, kLineStart)) return refused("no PROXY header");
  return bytes.size() < kLineStart.size() ? need_more() : parse_line(bytes);
}

}  // namespace sluice::net
