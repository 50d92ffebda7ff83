// The sections of the file that belong to the gateway as a whole: process, admin, listeners, TLS.
// Upstreams, routes and logs are described in the folders that own them; config.h puts all
// together.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/types.h"
#include "http/h2_limits.h"
#include "http/uri.h"
#include "net/address.h"
#include "net/tls_server_context.h"
#include "policy/allow/allow_config.h"
#include "policy/auth/auth_config.h"
#include "policy/headers_config.h"
#include "policy/ip_filter/ip_filter_config.h"
#include "policy/limit/limit_config.h"
#include "route/route_config.h"

namespace sluice::snapshot {

/// 0: "auto". Workers: one per core that this process may use. Connections: what the descriptors allow.
struct AutomaticCount {
  uint32_t count = 0;
};

/// Of what connections and requests hold; "auto": by the memory of the machine or container.
struct MemoryLimit {
  uint64_t bytes = 0;
  bool is_auto = true;
};
/// Below it a few large transfers would fill it.
inline constexpr int64_t kMemoryLimitLeast = 16 << 20;

struct ServerConfig {
  AutomaticCount workers;
  Duration drain_delay = std::chrono::seconds(5);
  Duration drain_timeout = std::chrono::seconds(30);
  AutomaticCount connections_max;
  MemoryLimit memory_max;
  config::Bytes limit_memory_max = config::mebibytes(64);
};

struct AdminConfig {
  config::Placed<net::SocketAddress> address;
  std::optional<config::Placed<net::SocketAddress>> control;  // a unix path
};

struct ListenTimeout {
  Duration header = std::chrono::seconds(10);
  Duration body = std::chrono::seconds(30);
  Duration idle = std::chrono::seconds(60);
  Duration write = std::chrono::seconds(30);
};

enum class Protocol : uint8_t { h1, h2, h2c };

/// What a client may do on one HTTP/2 connection; the counts are of ten seconds.
struct ListenHttp2 {
  uint32_t resets = http::H2Limits{}.resets;
  uint32_t pings = http::H2Limits{}.pings;
  uint32_t settings = http::H2Limits{}.settings;
  uint32_t empty_frames = http::H2Limits{}.empty_frames;
  uint32_t control_frames = http::H2Limits{}.control_frames;
  uint32_t continuations = http::H2Limits{}.continuations;
  uint32_t stalls = http::H2Limits{}.stalls;

  friend bool operator==(const ListenHttp2&, const ListenHttp2&) = default;
};

struct ListenLimits {
  config::Bytes line = config::kibibytes(8);
  config::Bytes header = config::kibibytes(32);
  uint32_t headers = 100;
  config::Bytes body = config::mebibytes(10);
  uint32_t per_ip = 1'000;
  uint32_t streams = http::H2Limits{}.streams;
};

/// `redirect = "listen.public"`.
struct ListenTarget {
  config::Reference<"listen"> listen;  // its name, without "listen."
};

struct ListenConfig {
  config::Placed<net::SocketAddress> address;
  config::Reference<"tls"> tls;  // empty: plain
  config::Reference<"security_headers"> security;   // empty: none
  ListenTarget redirect;         // empty: serves routes
  policy::IpFilterConfig ips;
  bool proxy_protocol = false;
  http::PathProfile path_profile = http::PathProfile::strict;
  ListenTimeout timeout;
  ListenLimits limits;
  std::vector<Protocol> protocols;   // empty: h1, and h2 where there is TLS
  ListenHttp2 http2;
};

struct CertificateConfig {
  config::FilePath cert;
  config::FilePath key;
};

using TlsProfile = net::TlsProfile;
using ClientCertMode = net::TlsClientCheck::Mode;

struct ClientCertConfig {
  config::FilePath ca;
  ClientCertMode mode = ClientCertMode::require;
  config::FilePath crl;  // empty: revocation is not checked
};

struct HstsConfig {
  Duration max_age = std::chrono::hours(24);  // zero: the header is not sent
  bool subdomains = false;
};

struct TlsConfig {
  std::vector<CertificateConfig> certificates;
  TlsProfile profile = TlsProfile::intermediate;
  bool tickets = true;
  HstsConfig hsts;
  std::optional<ClientCertConfig> client_cert;
};

/// A route with the policies that apply to it.
struct RouteSection {
  route::RouteConfig route;
  policy::IpFilterConfig ips;
  policy::HeadersConfig headers;
  policy::RouteAuth auth;
  config::Reference<"auth"> ticket;   // what the route answers with; empty: it ends otherwise
  std::optional<policy::AllowConfig> allow;   // none: everybody that `auth` lets in
  bool keep_credentials = false;
  config::Reference<"cors"> cors;
  config::Reference<"authorizer"> authorizer;
  config::Reference<"security_headers"> security;   // empty: the listener's
  std::vector<config::Reference<"plugin">> plugins;  // in this order
  std::vector<policy::RouteLimit> limits;
};

std::span<const config::Field> config_fields(const ServerConfig*);
std::span<const config::Field> config_fields(const AdminConfig*);
std::span<const config::Field> config_fields(const ListenTimeout*);
std::span<const config::Field> config_fields(const ListenLimits*);
std::span<const config::Field> config_fields(const ListenHttp2*);
std::span<const config::Field> config_fields(const ListenConfig*);
std::span<const config::Field> config_fields(const CertificateConfig*);
std::span<const config::Field> config_fields(const HstsConfig*);
std::span<const config::Field> config_fields(const ClientCertConfig*);
std::span<const config::Field> config_fields(const TlsConfig*);
std::span<const config::Field> config_fields(const RouteSection*);
void config_check(const AdminConfig& admin, const config::Value& table, config::Reader& reader);
void config_check(const ListenConfig& listen, const config::Value& table, config::Reader& reader);
void config_check(const TlsConfig& tls, const config::Value& table, config::Reader& reader);
void config_check(const RouteSection& route, const config::Value& table, config::Reader& reader);

}  // namespace sluice::snapshot

namespace sluice::config {

template <>
struct Choices<snapshot::TlsProfile> {
  static constexpr std::string_view names[] = {"intermediate", "modern"};
};
template <>
struct Choices<snapshot::ClientCertMode> {
  static constexpr std::string_view names[] = {"require", "optional"};
};
template <>
struct Choices<snapshot::Protocol> {
  static constexpr std::string_view names[] = {"h1", "h2", "h2c"};
};

template <>
struct Choices<http::PathProfile> {
  static constexpr std::string_view names[] = {"strict", "merge_slashes", "encoded_slashes"};
};

template <>
struct TypeOf<snapshot::AutomaticCount> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr std::string_view kWords[] = {"auto"};
  static constexpr Type type{.form = Type::Form::integer,
                             .noun = "\"auto\" or a whole number",
                             .read = &read,
                             .print = &print,
                             .choices = kWords};
};

template <>
struct TextForm<snapshot::MemoryLimit> {
  static constexpr std::string_view noun = "\"auto\" or a size such as \"2GiB\"";
  static constexpr std::string_view pattern = "(auto|[0-9]+(B|KiB|MiB|GiB|TiB))";
  static Result<snapshot::MemoryLimit, TextError> parse(std::string_view text);
  static std::string print(const snapshot::MemoryLimit& limit);
  /// "auto" is within every range.
  static int64_t number(const snapshot::MemoryLimit& limit) {
    return limit.is_auto ? snapshot::kMemoryLimitLeast : static_cast<int64_t>(limit.bytes);
  }
  static snapshot::MemoryLimit from_number(int64_t number) {
    return {static_cast<uint64_t>(number), false};
  }
  static std::string unit_hint(uint64_t number) { return TextForm<Bytes>::unit_hint(number); }
};

template <>
struct TextForm<net::SocketAddress> {
  static constexpr std::string_view noun =
      "an address such as \":8443\", \"127.0.0.1:9901\" or \"unix:/run/web.sock\"";
  static Result<net::SocketAddress, TextError> parse(std::string_view text);
  static std::string print(const net::SocketAddress& address) { return address.to_string(); }
};

template <>
struct TypeOf<snapshot::ListenTarget> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "the name of a listener such as \"listen.public\"",
                             .read = &read,
                             .print = &print};
};

}  // namespace sluice::config
