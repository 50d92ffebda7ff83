// [upstream.NAME]: where requests go, and with how much patience.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/types.h"
#include "upstream/health_config.h"

namespace sluice::upstream {

/// "10.0.1.10:8080", "orders.internal:8080", "[::1]:8080" or "unix:/run/orders.sock".
struct ServerAddress {
  std::string host;  // name or IP address, without brackets; empty for a unix socket
  uint16_t port = 0;
  std::string unix_path;  // empty for TCP

  bool is_unix() const { return !unix_path.empty(); }
  std::string to_string() const;
  static Result<ServerAddress, config::TextError> parse(std::string_view text);
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

struct EndpointConfig {
  config::Placed<ServerAddress> address;
  uint32_t weight = 1;
};

enum class Balance : uint8_t { least_loaded, round_robin };
enum class Protocol : uint8_t { h1, h2, h2c };

struct UpstreamTimeout {
  Duration connect = std::chrono::seconds(1);
  Duration response = std::chrono::seconds(15);
  Duration body = std::chrono::seconds(60);
};

struct KeepConfig {
  Duration idle = std::chrono::seconds(50);
  uint32_t max = 1'000;
};

struct UpstreamTls {
  bool enabled = true;
  config::FilePath ca;  // empty: the system's
  config::FilePath cert;  // ours, for servers that ask for one; empty: none
  config::FilePath key;
  std::string sni;      // empty: the server's host name
  bool verify = true;
};

struct UpstreamConfig {
  std::vector<EndpointConfig> servers;
  Balance balance = Balance::least_loaded;
  UpstreamTimeout timeout;
  KeepConfig keep;
  std::optional<UpstreamTls> tls;
  std::optional<uint32_t> max_in_flight;
  Protocol protocol = Protocol::h1;
  uint32_t streams = 100;
  std::optional<HealthConfig> health;   // none: nobody asks

  bool uses_tls() const { return tls && tls->enabled; }
};

std::span<const config::Field> config_fields(const EndpointConfig*);
std::span<const config::Field> config_fields(const UpstreamTimeout*);
std::span<const config::Field> config_fields(const KeepConfig*);
std::span<const config::Field> config_fields(const UpstreamTls*);
std::span<const config::Field> config_fields(const UpstreamConfig*);
constexpr std::string_view config_bare(const EndpointConfig*) {
  return "address";
}
constexpr std::string_view config_bare(const UpstreamTls*) {
  return "enabled";
}
void config_check(const UpstreamTls& tls, const config::Value& table, config::Reader& reader);
void config_check(const UpstreamConfig& upstream, const config::Value& table,
                  config::Reader& reader);

}  // namespace sluice::upstream

namespace sluice::config {

template <>
struct Choices<upstream::Balance> {
  static constexpr std::string_view names[] = {"least_loaded", "round_robin"};
};

template <>
struct Choices<upstream::Protocol> {
  static constexpr std::string_view names[] = {"h1", "h2", "h2c"};
};

template <>
struct TextForm<upstream::ServerAddress> {
  static constexpr std::string_view noun =
      "an address such as \"10.0.1.10:8080\" or \"unix:/run/orders.sock\"";
  static Result<upstream::ServerAddress, TextError> parse(std::string_view text) {
    return upstream::ServerAddress::parse(text);
  }
  static std::string print(const upstream::ServerAddress& address) { return address.to_string(); }
};

}  // namespace sluice::config
