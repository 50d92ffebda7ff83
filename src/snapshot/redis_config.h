// [redis.NAME]: a Redis, or several that stand in for each other, for what must hold across gateways.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/secret_source.h"
#include "config/types.h"
#include "redis/options.h"
#include "upstream/upstream_config.h"

namespace sluice::snapshot {

/// "redis://redis.internal:6379/0", "rediss://redis.internal" or "unix:/run/redis.sock".
struct RedisUrl {
  upstream::ServerAddress address;
  bool tls = false;
  uint32_t database = 0;
  bool has_login = false;   // "user:password@" stood in it, and is not kept

  static Result<RedisUrl, config::TextError> parse(std::string_view text);
  std::string to_string() const;
};

struct RedisTimeout {
  Duration connect = redis::kConnectTimeout;
  Duration command = redis::kCommandTimeout;
};

struct RedisConfig {
  using Servers = std::vector<config::Placed<upstream::ServerAddress>>;

  // Exactly one of these three.
  std::optional<config::Placed<RedisUrl>> url;
  Servers sentinel;
  Servers cluster;
  std::string master;   // with sentinel
  std::optional<uint32_t> database;   // with sentinel
  std::string user;
  config::SecretSource password;
  std::string sentinel_user;
  config::SecretSource sentinel_password;
  std::optional<upstream::UpstreamTls> tls;
  RedisTimeout timeout;
  uint32_t queue = redis::kQueueMax;

  bool uses_tls() const { return url ? url->value.tls : tls && tls->enabled; }
};

std::span<const config::Field> config_fields(const RedisTimeout*);
std::span<const config::Field> config_fields(const RedisConfig*);
void config_check(const RedisConfig& redis, const config::Value& table, config::Reader& reader);

/// What a client is made with, its secrets and TLS left out.
redis::Options redis_options(const config::Section<RedisConfig>& section);

}  // namespace sluice::snapshot

namespace sluice::config {

template <>
struct TextForm<snapshot::RedisUrl> {
  static constexpr std::string_view noun =
      "an address such as \"rediss://redis.internal:6380/0\" or \"unix:/run/redis/redis.sock\"";
  static Result<snapshot::RedisUrl, TextError> parse(std::string_view text) {
    return snapshot::RedisUrl::parse(text);
  }
  static std::string print(const snapshot::RedisUrl& url) { return url.to_string(); }
};

}  // namespace sluice::config
