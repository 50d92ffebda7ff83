#include "proxy/forwarded.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"

namespace sluice::proxy {

using http::FieldId;

namespace {

/// The value of a parameter of one element of Forwarded, without its quotes (RFC 7239 section 4); empty: none.
std::string_view parameter(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    size_t end = 0;
    for (bool quoted = false; end < element.size() && (quoted || element[end] != ';'); ++end) {
      if (element[end] == '"') quoted = !quoted;
      if (quoted && element[end] == '\\' && end + 1 < element.size()) ++end;
    }
    std::string_view pair = trim_ows(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !equals_ignore_case(pair.substr(0, equals), name)) continue;
    std::string_view value = pair.substr(equals + 1);
    // No address has anything to escape: with a backslash it stays what no address is.
    bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    return quoted ? value.substr(1, value.size() - 2) : value;
  }
  return {};
}

/// "192.0.2.1", "2001:db8::1", "[2001:db8::1]", and with a port the first and the last.
std::optional<IpAddress> node_address(std::string_view node) {
  auto is_port = [](std::string_view text) {   // RFC 7239 lets it be hidden behind a name, too
    return text.size() > 1 && text.front() == ':';
  };
  if (node.starts_with('[')) {
    size_t close = node.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view rest = node.substr(close + 1);
    auto address = rest.empty() || is_port(rest) ? IpAddress::parse(node.substr(1, close - 1)) : std::nullopt;
    return address && address->is_v6() ? address : std::nullopt;
  }
  size_t colon = node.find(':');
  bool v4_with_port = colon != std::string_view::npos && node.find(':', colon + 1) == std::string_view::npos;
  if (!v4_with_port) return IpAddress::parse(node);
  return is_port(node.substr(colon)) ? IpAddress::parse(node.substr(0, colon)) : std::nullopt;
}

}  // namespace

ForwardedClient forwarded_client(const http::Fields& fields, const IpAddress& peer, const CidrSet& trusted) {
  // The last field and its last element are the nearest hop.
  constexpr size_t kHopsMax = 32;   // more than any chain of proxies; the rest is not looked at
  std::array<std::string_view, kHopsMax> hops;
  size_t count = 0;
  bool in_list = fields.has(FieldId::x_forwarded_for);
  for (const http::Field& field : fields) {
    if (field.id != (in_list ? FieldId::x_forwarded_for : FieldId::forwarded)) continue;
    each_list_element(field.value(), [&](std::string_view element) {
      if (count == kHopsMax) {   // keep the nearest ones
        std::move(hops.begin() + 1, hops.end(), hops.begin());
        --count;
      }
      hops[count++] = element;
      return true;
    });
  }
  ForwardedClient client{peer, std::nullopt};
  while (count > 0 && trusted.contains(client.ip)) {
    std::string_view hop = hops[--count];
    auto address = node_address(in_list ? hop : parameter(hop, "for"));
    if (!address) break;   // what a proxy could not name is where our knowledge ends
    client.ip = *address;
    std::string_view proto = in_list ? std::string_view() : parameter(hop, "proto");
    if (equals_ignore_case(proto, "https")) client.scheme = http::Scheme::https;
    if (equals_ignore_case(proto, "http")) client.scheme = http::Scheme::http;
  }
  return client;
}

}  // namespace sluice::proxy
