// A whole configuration, read and checked: what `run`, `check`, `explain` and `config show` have in
// common. Needs no network, no port and no running daemon.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "config/load.h"
#include "config/types.h"
#include "observe/log_config.h"
#include "plugin/plugin_config.h"
#include "policy/auth/auth_config.h"
#include "policy/auth/consumer_config.h"
#include "policy/authorizer/authorizer_config.h"
#include "policy/limit/limit_config.h"
#include "policy/cors/cors_config.h"
#include "policy/ip_filter/ip_filter_config.h"
#include "policy/security/security_config.h"
#include "snapshot/redis_config.h"
#include "snapshot/sections.h"
#include "upstream/upstream_config.h"

namespace sluice::snapshot {

struct Config {
  uint32_t sluice = 0;  // the format's version
  std::vector<std::string> include;
  std::vector<Cidr> trusted_proxies;
  ServerConfig server;
  std::optional<AdminConfig> admin;
  config::Sections<ListenConfig> listen;  // sections are sorted by name
  config::Sections<TlsConfig> tls;
  config::Sections<upstream::UpstreamConfig> upstream;
  config::Sections<plugin::PluginConfig> plugin;
  config::Sections<policy::AuthConfig> auth;
  config::Sections<policy::ConsumerConfig> consumer;
  config::Sections<policy::LimitConfig> limit;
  config::Sections<policy::CorsConfig> cors;
  config::Sections<policy::AuthorizerConfig> authorizer;
  config::Sections<policy::IpListConfig> ip_list;
  config::Sections<policy::SecurityConfig> security_headers;
  config::Sections<RedisConfig> redis;
  config::Sections<RouteSection> route;
  observe::LogConfig log;

  /// Of all values in force (files merged, environment filled in, secrets excluded): equal means
  /// nothing changed.
  uint64_t hash = 0;
};

std::span<const config::Field> config_fields(const Config*);
void config_check(const Config& config, const config::Value& table, config::Reader& reader);

/// The format's root, for the walks over it.
const config::Type& config_type();

/// gives: the section of that name, or nullptr
template <class T>
const config::Section<T>* find_section(const config::Sections<T>& sections, std::string_view name) {
  auto found = std::lower_bound(
      sections.begin(), sections.end(), name,
      [](const config::Section<T>& section, std::string_view key) { return section.name < key; });
  return found != sections.end() && found->name == name ? &*found : nullptr;
}

/// Who asks: what only the service's user or environment can show is "not checked" for anyone else,
/// and an error for the service.
enum class Asker : uint8_t { anyone, service };

struct LoadOptions {
  Asker asker = Asker::anyone;
  config::Environment environment = config::process_environment;
  std::time_t now = std::time(nullptr);  // certificates: in date or not
};

struct LoadedConfig {
  config::Document document;  // sources, issues, and the tree for `config show`
  Config config;

  bool has_errors() const { return document.issues.count(config::Severity::error) > 0; }
  /// Everything found, as text.
  std::string issues_text() const { return config::render(document.issues, document.sources); }
};

/// Reads, checks, and gives what `run` starts from when has_errors() is false.
LoadedConfig load_config(const std::string& path, const LoadOptions& options = {});
/// The same for a text; includes are not followed.
LoadedConfig load_config_text(std::string name, std::string text, const LoadOptions& options = {});

}  // namespace sluice::snapshot
