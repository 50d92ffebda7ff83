#include "cli/url.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::cli {

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignore_case(text.substr(0, scheme.size()), scheme)) continue;
    std::string_view rest = text.substr(scheme.size());
    size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    url.absolute = true;
    url.tls = scheme == "https://";
    url.authority = rest.substr(0, end);
    url.target = rest.substr(end);
    if (!url.target.starts_with('/')) url.target.insert(0, "/");
    size_t colon = url.authority.rfind(':');
    if (colon != std::string_view::npos &&
        url.authority.find(']', colon) == std::string_view::npos) {
      std::string_view digits = url.authority.substr(colon + 1);
      if (digits.empty()) return url;   // as the scheme has it, RFC 3986 section 3.2.3
      auto port = parse_decimal(digits);
      if (!port || *port == 0 || *port > 65'535) return std::nullopt;
      url.port = static_cast<uint16_t>(*port);
    }
    return url;
  }
  url.target = text;
  return url;
}

}  // namespace sluice::cli
