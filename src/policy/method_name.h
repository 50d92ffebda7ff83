// A method as policies' tables write it. (Routes have their own form for `match.methods`: route/route_config.h.)
#pragma once

#include "config/types.h"
#include "http/token.h"

namespace sluice::policy {

struct MethodName {
  http::Method value = http::Method::unknown;
};

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct TextForm<policy::MethodName> {
  static constexpr std::string_view noun = "a method such as \"GET\"";
  static Result<policy::MethodName, TextError> parse(std::string_view text) {
    http::Method method = http::method_from(text);
    if (method != http::Method::unknown && method != http::Method::connect) return policy::MethodName{method};
    return TextError{"methods are written in capitals; CONNECT and unknown ones are never forwarded", 0};
  }
  static std::string print(const policy::MethodName& method) { return std::string(http::method_name(method.value)); }
};

}  // namespace sluice::config
