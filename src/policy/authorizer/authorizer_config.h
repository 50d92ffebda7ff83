// [authorizer.NAME]: a service of the user's own that is asked whether a request may pass.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/template.h"
#include "config/types.h"

namespace sluice::policy {

/// What becomes of requests while the service cannot be asked.
enum class AuthorizerDown : uint8_t { closed, open };

struct AuthorizerConfig {
  std::optional<config::Placed<std::string>> url;
  std::vector<config::Placed<std::string>> send = {{"Authorization", {}}, {"Cookie", {}}};
  config::Map<config::Placed<config::Template>> set;
  std::vector<config::Placed<std::string>> copy;
  Duration timeout = std::chrono::seconds(1);
  AuthorizerDown on_down = AuthorizerDown::closed;
  Duration cache_for{};
  std::vector<config::Placed<config::Fact>> cache_key;   // empty: all that is asked
  config::Bytes cache = config::mebibytes(4);
  config::FilePath ca;
  bool plain_http = false;
};

std::span<const config::Field> config_fields(const AuthorizerConfig*);
void config_check(const AuthorizerConfig& authorizer, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::AuthorizerDown> {
  static constexpr std::string_view names[] = {"closed", "open"};
};

}  // namespace sluice::config
