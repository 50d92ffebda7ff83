// parse_authority of uri.h: the one form of host[:port].
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/ip.h"
#include "base/text.h"
#include "http/uri.h"

namespace sluice::http {

namespace {

constexpr size_t kHostBytesMax = 255;   // RFC 1035 section 2.3.4
constexpr size_t kLabelBytesMax = 63;

/// The characters of a name in lower case; 0 for those that no name has.
constexpr auto kNameChars = [] {
  std::array<char, 256> table{};
  for (size_t c = 0; c < 128; ++c) {
    char letter = static_cast<char>(c);
    if (is_digit(letter) || is_alpha(letter)) table[c] = ascii_lower(letter);
  }
  for (char mark : {'-', '_', '~', '.'}) table[static_cast<unsigned char>(mark)] = mark;
  return table;
}();

bool is_label(const char* begin, const char* end) {
  auto size = static_cast<size_t>(end - begin);
  return size > 0 && size <= kLabelBytesMax;
}

/// "127.1", "0x7f.0.0.1" and the like, which some resolvers take for an address.
bool ends_like_an_address(std::string_view name) {
  std::string_view last = name.substr(name.rfind('.') + 1);   // npos + 1 is 0
  bool digits = std::all_of(last.begin(), last.end(), is_digit);
  return digits || starts_with_ignore_case(last, "0x");
}

/// Writes dot-separated labels of name characters in lower case; an IPv4 address must be a dotted
/// quad. gives: the end, or nullptr
char* write_name(std::string_view name, char* out) {
  if (name.empty() || name.size() > kHostBytesMax) return nullptr;
  const char* label = name.data();
  for (const char& c : name) {
    char lower = kNameChars[static_cast<unsigned char>(c)];
    if (lower == 0) return nullptr;
    *out++ = lower;
    if (lower != '.') continue;
    if (!is_label(label, &c)) return nullptr;
    label = &c + 1;
  }
  if (!is_label(label, name.data() + name.size())) return nullptr;
  bool good = !ends_like_an_address(name) || IpAddress::parse(name).has_value();
  return good ? out : nullptr;
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
  return write_name(host, out);
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
