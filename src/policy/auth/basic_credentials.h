// What "Authorization: Basic ..." says (RFC 7617).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/secret.h"

namespace sluice::policy {

struct BasicCredentials {
  std::string user;
  crypto::Secret password;

  /// `text`: what follows the scheme.
  /// gives: nothing for what is no base64, has no colon, control bytes, no UTF-8, or more than the limits (user_table.h,
  /// crypto/password.h)
  static std::optional<BasicCredentials> parse(std::string_view text);
};

/// gives: what follows the scheme "Basic"; nothing when `value` is of another one
std::optional<std::string_view> after_basic(std::string_view value);

}  // namespace sluice::policy
