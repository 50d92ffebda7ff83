// The host of a route: "api.example.com", "*.example.com" or any. Ports are the listener's
// business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "route/pattern.h"

namespace sluice::route {

/// A wildcard matches one or more labels, as in Envoy, nginx and the Gateway API (in a certificate
/// it is exactly one), and never the bare name: "*.example.com" takes a.example.com and
/// a.b.example.com.
class HostPattern {
 public:
  enum class Kind : uint8_t { exact, wildcard, any };

  /// Accepts a name, "*." and a name, an IPv4 address, a bracketed IPv6 address, or "*".
  /// errors: a port, a scheme, characters outside LDH and "_" (international names: the xn-- form)
  static Result<HostPattern, PatternError> parse(std::string_view text);

  Kind kind() const { return kind_; }
  /// Lower case, no final dot, IPv6 as http/uri.h spells it; without "*." for a wildcard, empty for
  /// any.
  const std::string& name() const { return name_; }
  std::string to_string() const;
  friend bool operator==(const HostPattern&, const HostPattern&) = default;

 private:
  std::string name_;
  Kind kind_ = Kind::any;
};

}  // namespace sluice::route
