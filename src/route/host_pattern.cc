#include "route/host_pattern.h"

#include <algorithm>

#include "base/ip.h"
#include "base/text.h"

namespace sluice::route {
namespace {

constexpr size_t kNameBytesMax = 253;  // RFC 1035 section 2.3.4, without the root's dot
constexpr size_t kLabelBytesMax = 63;

bool is_name_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '~';
}

// gives: why `name` is no host name, and where; no text when it is one
PatternError check_name(std::string_view name, size_t offset) {
  if (name.size() > kNameBytesMax) return {offset, "a host name has at most 253 characters"};
  for (size_t at = 0; at <= name.size();) {
    size_t end = std::min(name.find('.', at), name.size());
    if (end == at) return {offset + at, "an empty label"};
    if (end - at > kLabelBytesMax) return {offset + at, "a label has at most 63 characters"};
    for (size_t i = at; i < end; ++i) {
      if (is_name_char(name[i])) continue;
      if (name.substr(i).starts_with("://")) return {offset, "a host has no scheme here: write its name alone"};
      if (name[i] == ':')
        return {offset + i, "a host has no port here: ports belong to [listen.*]"};
      if (name[i] == '*') return {offset + i, "a star stands only first, *.example.com"};
      if (static_cast<unsigned char>(name[i]) >= 0x80) {
        return {offset + i, "write international names in their xn-- form"};
      }
      return {offset + i, "'" + printable(name.substr(i, 1)) + "' cannot stand in a host name"};
    }
    at = end + 1;
  }
  return {};
}

// "127.1" or "0x7f.0.0.1", which http/uri.h refuses unless it is a dotted quad.
bool ends_like_an_address(std::string_view name) {
  std::string_view last = name.substr(name.rfind('.') + 1);  // npos + 1 is 0
  return std::all_of(last.begin(), last.end(), is_digit) || starts_with_ignore_case(last, "0x");
}

// `text` begins with "[". The spelling is that of http/uri.h, whatever the configuration's.
Result<std::string, PatternError> canonical_ipv6(std::string_view text) {
  size_t close = text.find(']');
  if (close == std::string_view::npos) return PatternError{1, "not an IPv6 address"};
  if (close + 1 < text.size()) {
    return PatternError{close + 1, "a host has no port here: ports belong to [listen.*]"};
  }
  std::string_view inside = text.substr(1, close - 1);
  auto address = IpAddress::parse(inside);
  if (!address || inside.find(':') == std::string_view::npos) {
    return PatternError{1, "not an IPv6 address"};
  }
  return (address->is_v4() ? "[::ffff:" : "[") + address->to_string() + "]";
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
  return out;
}

}  // namespace

Result<HostPattern, PatternError> HostPattern::parse(std::string_view text) {
  HostPattern pattern;
  if (text == "*") return pattern;
  if (text.empty()) return PatternError{0, "an empty host: leave it out for every host"};
  pattern.kind_ = Kind::exact;
  if (text.front() == '[') {
    Result<std::string, PatternError> address = canonical_ipv6(text);
    if (!address) return address.error();
    pattern.name_ = std::move(*address);
    return pattern;
  }
  size_t offset = 0;
  if (text.substr(0, 2) == "*.") {
    pattern.kind_ = Kind::wildcard;
    offset = 2;
  }
  std::string_view name = text.substr(offset);
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  PatternError problem = check_name(name, offset);
  if (!problem.text.empty()) return problem;
  if (ends_like_an_address(name)) {
    if (pattern.kind_ == Kind::wildcard) return PatternError{0, "an address has no names below it"};
    if (!IpAddress::parse(name)) return PatternError{0, "not an IPv4 address, and no name either"};
  }
  pattern.name_ = lower(name);
  return pattern;
}

std::string HostPattern::to_string() const {
  switch (kind_) {
    case Kind::exact:
      return name_;
    case Kind::wildcard:
      return "*." + name_;
    case Kind::any:
      return "*";
  }
  return "*";
}

}  // namespace sluice::route
