// [security_headers.NAME]: fields that tell browsers to be careful, for every response of a route or listener. Two presets need no
// table: their names stand for themselves.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/types.h"
#include "http/default_fields.h"

namespace sluice::policy {

enum class SecurityPreset : uint8_t { none, api_strict, web };

struct SecurityConfig {
  SecurityPreset preset = SecurityPreset::none;
  config::Placed<std::string> csp;                     // empty: the preset's
  config::Map<config::Placed<std::string>> set;
  std::vector<config::Placed<std::string>> without;   // of the preset
  bool overwrite = false;
};

std::span<const config::Field> config_fields(const SecurityConfig*);
void config_check(const SecurityConfig& security, const config::Value& table, config::Reader& reader);

/// A name that no table may have: a preset's, or "none".
bool is_security_preset(std::string_view name);
/// needs: checked
http::DefaultFields security_fields(const SecurityConfig& security);
/// needs: is_security_preset(name)
http::DefaultFields security_fields(std::string_view name);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::SecurityPreset> {
  static constexpr std::string_view names[] = {"none", "api-strict", "web"};
};

}  // namespace sluice::config
