// parse_authority of uri.h: the one form of host[:port].
#include <algorithm>
#include <cstring>
#include <optional>

#include "base/ip.h"
#include "base/text.h"
#include "http/uri.h"

namespace sluice::http {

namespace {

constexpr size_t kHostBytesMax = 255;   // RFC 1035 section 2.3.4
constexpr size_t kLabelBytesMax = 63;

bool is_name_char(char c) { return is_digit(c) || is_alpha(c) || c == '-' || c == '_' || c == '~'; }

/// "127.1", "0x7f.0.0.1" and the like, which some resolvers take for an address.
bool ends_like_an_address(std::string_view name) {
  std::string_view last = name.substr(name.rfind('.') + 1);   // npos + 1 is 0
  bool digits = true;
  for (char c : last) digits = digits && is_digit(c);
  return digits || starts_with_ignore_case(last, "0x");
}

/// Dot-separated labels of name characters; an IPv4 address must be a dotted quad.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kHostBytesMax) return false;
  size_t label = 0;
  for (char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!is_name_char(c) || ++label > kLabelBytesMax) {
      return false;
    }
  }
  return label > 0 && (!ends_like_an_address(name) || IpAddress::parse(name).has_value());
}

/// 1..65535 without sign or leading zero; the scheme's default port becomes nothing.
bool read_port(std::string_view text, Scheme scheme, std::string_view& kept) {
  if (text.size() > 5 || text.starts_with('0')) return false;
  std::optional<uint64_t> port = parse_decimal(text);
  if (!port || *port > 65'535) return false;
  kept = *port == (scheme == Scheme::https ? 443 : 80) ? std::string_view{} : text;
  return true;
}

/// "[...]" in the one spelling of its address. gives: the end, or nullptr
char* write_ipv6(std::string_view bracketed, char* out) {
  std::optional<IpAddress> address = IpAddress::parse(bracketed.substr(1, bracketed.size() - 2));
  if (!address || bracketed.find(':') == std::string_view::npos) return nullptr;
  *out++ = '[';
  if (address->is_v4()) {   // mapped, which IpAddress stores as IPv4
    std::memcpy(out, "::ffff:", 7);
    out += 7;
  }
  out = address->write(out);
  *out++ = ']';
  return out;
}

/// gives: the end, or nullptr when `host` is neither address nor name
char* write_host(std::string_view host, char* out) {
  if (host.starts_with('[')) return write_ipv6(host, out);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (!is_name(host)) return nullptr;
  for (char c : host) *out++ = ascii_lower(c);
  return out;
}

}  // namespace

bool parse_authority(std::string_view text, Scheme scheme, Arena& arena,
                     std::string_view& authority, std::string_view& host) {
  size_t colon = text.starts_with('[') ? text.find(']') : text.find(':');
  if (text.starts_with('[')) {
    if (colon == std::string_view::npos) return false;
    ++colon;
  }
  std::string_view name = text.substr(0, colon);
  std::string_view port;
  if (name.size() < text.size()) {
    if (text[name.size()] != ':' || !read_port(text.substr(name.size() + 1), scheme, port))
      return false;
  }
  constexpr size_t kAddressBytesMax = IpAddress::kTextMax + 9;   // "[::ffff:" and "]"
  char* begin = arena.text(std::max(name.size(), kAddressBytesMax) + port.size() + 1);
  char* end = write_host(name, begin);
  if (!end) {
    arena.shrink(begin);
    return false;
  }
  host = {begin, static_cast<size_t>(end - begin)};
  if (!port.empty()) {
    *end++ = ':';
    std::memcpy(end, port.data(), port.size());
    end += port.size();
  }
  authority = {begin, static_cast<size_t>(end - begin)};
  arena.shrink(end);
  return true;
}

}  // namespace sluice::http
