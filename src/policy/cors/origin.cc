#include "policy/cors/origin.h"

#include <algorithm>

#include "base/ip.h"
#include "base/text.h"

namespace sluice::policy {

using config::TextError;

namespace {

constexpr std::string_view kMark = "://";
constexpr std::string_view kWildcard = "*.";

bool is_label_char(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; }

/// Labels with single dots between them, none of them empty.
bool is_name(std::string_view text) {
  bool after_dot = true;
  for (char c : text) {
    if (c == '.' ? after_dot : !is_label_char(c)) return false;
    after_dot = c == '.';
  }
  return !after_dot;
}

bool is_host(std::string_view text) {
  if (!text.starts_with('[')) return is_name(text);
  return text.ends_with(']') && IpAddress::parse(text.substr(1, text.size() - 2)).has_value();
}

bool is_scheme(std::string_view text) {
  auto fits = [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
  return !text.empty() && is_alpha(text.front()) && std::all_of(text.begin(), text.end(), fits);
}

/// Where the port's colon stands, or the end.
size_t host_end(std::string_view authority) {
  size_t bracket = authority.rfind(']');
  size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return std::min(colon, authority.size());
}

bool is_port(std::string_view text) {
  auto port = parse_decimal(text);
  return port && *port > 0 && *port <= 65'535 && text.front() != '0';
}

}  // namespace

OriginSet::OriginSet(const std::vector<config::Placed<OriginPattern>>& patterns) {
  for (const auto& placed : patterns) {
    const OriginPattern& pattern = placed.value;
    switch (pattern.kind) {
      case OriginPattern::Kind::any: any_ = true; break;
      case OriginPattern::Kind::exact: exact_.push_back(pattern.text); break;
      case OriginPattern::Kind::below: {
        size_t star = pattern.text.find('*');
        below_.push_back({pattern.text.substr(0, star), pattern.text.substr(star + 1)});
        break;
      }
    }
  }
  std::ranges::sort(exact_);
}

bool OriginSet::allows(std::string_view origin) const {
  if (any_ || std::binary_search(exact_.begin(), exact_.end(), origin)) return true;
  return std::ranges::any_of(below_, [&](const Below& below) { return below.allows(origin); });
}

bool OriginSet::Below::allows(std::string_view origin) const {
  if (origin.size() <= before.size() + after.size()) return false;
  if (!origin.starts_with(before) || !origin.ends_with(after)) return false;
  return is_name(origin.substr(before.size(), origin.size() - before.size() - after.size()));
}

}  // namespace sluice::policy

namespace sluice::config {

using policy::OriginPattern;

Result<OriginPattern, TextError> TextForm<OriginPattern>::parse(std::string_view text) {
  using namespace policy;
  if (text == "*") return OriginPattern{OriginPattern::Kind::any, "*"};
  if (text == "null") return TextError{"every sandboxed page and every file has the origin null: it names nobody", 0};
  size_t mark = text.find(kMark);
  if (mark == std::string_view::npos || !is_scheme(text.substr(0, mark)))
    return TextError{"it begins with a scheme: https://", 0};
  size_t begin = mark + kMark.size();
  std::string_view authority = text.substr(begin);
  size_t beyond = authority.find_first_of("/?#@");
  if (beyond != std::string_view::npos) return TextError{"an origin ends with its host or port", begin + beyond};
  size_t end = host_end(authority);
  std::string_view host = authority.substr(0, end), port = authority.substr(end);
  bool below = host.starts_with(kWildcard);
  if (below) host.remove_prefix(kWildcard.size());
  if (!is_host(host) || (below && host.starts_with('['))) return TextError{"this is no host", begin};
  if (below && host.find('.') == std::string_view::npos && !equals_ignore_case(host, "localhost"))
    return TextError{"a whole top-level domain belongs to nobody", begin};
  if (!port.empty() && !is_port(port.substr(1))) return TextError{"this is no port", begin + end};
  OriginPattern out{below ? OriginPattern::Kind::below : OriginPattern::Kind::exact, {}};
  for (char c : text) out.text += ascii_lower(c);
  bool is_default = (out.text.starts_with("https:") && port == ":443") ||
                    (out.text.starts_with("http:") && port == ":80");
  if (is_default) out.text.resize(out.text.size() - port.size());
  return out;
}

}  // namespace sluice::config
