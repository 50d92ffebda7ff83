// A URL on the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

/// "https://shop.example:8443/a?b", or a bare target such as "/a?b" or "*".
struct Url {
  bool absolute = false;
  bool tls = false;
  std::string_view authority = "localhost";
  std::string target;
  uint16_t port = 0;  // 0: not said
};

/// Views `text`. gives: nothing when it has a port that is none: 1 to 65535
std::optional<Url> parse_url(std::string_view text);

}  // namespace sluice::cli
