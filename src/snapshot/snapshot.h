// What the file says, compiled: routes, pipelines, listeners, upstreams. Immutable and shared by all workers;
// built by snapshot/build.h, which reuses every part whose fingerprint is unchanged.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/ip.h"
#include "base/ip_filter.h"
#include "base/live.h"
#include "crypto/revoked_certificates.h"
#include "crypto/secret.h"
#include "net/address.h"
#include "net/shared_tls.h"
#include "observe/registry.h"
#include "observe/service_counts.h"
#include "plugin/plugin.h"
#include "policy/auth/api_key.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/remote_keys.h"
#include "policy/authorizer/authorizer.h"
#include "policy/facts.h"
#include "policy/live_files.h"
#include "policy/limit/consumer_limits.h"
#include "policy/pipeline.h"
#include "policy/signature/signature.h"
#include "policy/ticket/ticket.h"
#include "redis/instance.h"
#include "route/router.h"
#include "server/listener_settings.h"
#include "snapshot/config.h"
#include "upstream/upstream_config.h"

namespace sluice::snapshot {

/// A use of a metric id, given back when the part that counts under it is gone.
class MetricUse {
 public:
  MetricUse() = default;
  MetricUse(observe::Registry& registry, observe::Table table, uint32_t id) : registry_(&registry), table_(table), id_(id) {}
  MetricUse(const MetricUse&) = delete;
  MetricUse(MetricUse&& other) noexcept { *this = std::move(other); }
  MetricUse& operator=(MetricUse&& other) noexcept {
    std::swap(registry_, other.registry_);
    std::swap(table_, other.table_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~MetricUse() { if (registry_) registry_->release(table_, id_); }
  uint32_t id() const { return id_; }

 private:
  observe::Registry* registry_ = nullptr;
  observe::Table table_ = observe::Table::route;
  uint32_t id_ = observe::kOther;
};

struct UpstreamPart {
  std::string name;
  uint64_t fingerprint = 0;
  upstream::UpstreamConfig config;             // servers excepted: see Snapshot::config
  std::shared_ptr<net::SharedClientTls> tls;   // null: plain
  MetricUse metric;
};

/// One [auth.NAME].
struct AuthPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const policy::Authenticator> authenticator;
  std::shared_ptr<const policy::ApiKeys> api_keys;   // null: of another type, or each is looked up
  std::shared_ptr<policy::LiveFiles> files;   // null: it reads none
  std::shared_ptr<policy::RemoteKeys> remote_keys;   // null: it fetches none
  std::shared_ptr<Live<crypto::Secret>> login;       // what it shows whom it asks, or verifies with; null: nothing
  std::shared_ptr<policy::JwtWorld> secret_keys;     // made of it; null: none are
  std::shared_ptr<const policy::SignatureAuthenticator> signatures;   // the authenticator; null: of another type
  std::shared_ptr<const policy::TicketOptions> tickets;   // of the authenticator; null: of another type
};

/// One [redis.NAME]; what uses it holds the instance, which leads to its worker's client.
struct RedisPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const redis::Instance> instance;
  std::shared_ptr<net::SharedClientTls> tls;           // null: plain
  std::shared_ptr<Live<redis::Logins>> logins;
  MetricUse metric;
};

/// One [ip_list.NAME].
struct IpListPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const IpList> list;
  std::shared_ptr<policy::LiveFiles> files;   // null: its addresses stand in the configuration
};

struct PluginPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const plugin::Plugin> plugin;
};

struct LimitPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const policy::Limiter> limiter;
  MetricUse metric;
};

struct AuthorizerPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const policy::AuthorizerService> service;
};

struct Redirect {
  policy::Template to;
  uint16_t status = 308;
};

struct Respond {
  uint16_t status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct Rewrite {
  std::optional<policy::Template> path;
  std::string host;   // empty: the client's
};

/// A route ends in exactly one of upstream, redirect, respond; or its last policy answers.
struct RoutePart {
  std::string name;
  uint64_t fingerprint = 0;
  std::vector<std::string> params;           // names, in the order of the path
  policy::Pipeline pipeline;
  std::optional<uint64_t> body_bytes_max;    // instead of the listener's
  std::shared_ptr<const UpstreamPart> upstream;
  std::optional<Redirect> redirect;
  std::optional<Respond> respond;
  Rewrite rewrite;
  Duration response_timeout{};
  Duration body_timeout{};
  std::optional<route::WebSocketConfig> websocket;   // none: Upgrade means nothing here
  bool grpc_web = false;                     // requests of gRPC-Web become gRPC
  bool answers_preflights = false;           // has a Cors policy
  http::FieldIdSet set_fields;               // of the request, by its header rules: the client's own are gone already
  std::shared_ptr<const http::DefaultFields> security;   // null: the listener's
  MetricUse metric;
};

/// One [tls.NAME]; the context that its files make now is inside.
struct TlsPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<net::SharedServerTls> tls;
};

struct ListenerPart {
  std::string name;
  uint64_t fingerprint = 0;
  std::shared_ptr<const server::ListenerSettings> settings;
  MetricUse metric;
};

/// A route's place in this snapshot (the part itself may be shared with others).
struct RouteEntry {
  std::shared_ptr<const RoutePart> part;
  uint32_t upstream = 0;             // in Snapshot::upstreams; meaningless without part->upstream
};

struct Snapshot {
  uint64_t hash = 0;                 // of the merged text
  Config config;
  route::Router router;
  std::vector<RouteEntry> routes;    // by the router's index
  std::vector<std::shared_ptr<const UpstreamPart>> upstreams;
  std::vector<std::shared_ptr<const ListenerPart>> listeners;
  std::vector<std::shared_ptr<const PluginPart>> plugins;
  std::vector<std::shared_ptr<const AuthPart>> auth;
  std::vector<std::shared_ptr<const IpListPart>> ip_lists;
  std::vector<std::shared_ptr<const TlsPart>> tls;
  std::vector<std::shared_ptr<const LimitPart>> limits;
  std::shared_ptr<const policy::ConsumerLimits> consumer_limits;   // null: no consumer has any
  std::shared_ptr<policy::SharedLimitTable> limit_table;   // null while there are no limits
  std::shared_ptr<policy::SharedNonces> nonces;            // null before anything asked for signatures
  /// Whom the lists of `tls` revoke: the keeper's watch sets it. All snapshots have the same; null: not built from a file.
  std::shared_ptr<Live<crypto::RevocationLists>> revoked_certificates;
  std::vector<std::shared_ptr<const RedisPart>> redis;
  std::vector<std::shared_ptr<const AuthorizerPart>> authorizers;
  observe::ServiceCounts services;   // that parts ask; taken over by name
  CidrSet trusted_proxies;
  bool answers_preflights = false;   // some route does
};

/// The part of that name. needs: there is one (load_config checked it); `parts` are in the order of their names
template <class Part>
const std::shared_ptr<const Part>& find_shared_part(const std::vector<std::shared_ptr<const Part>>& parts,
                                                    std::string_view name) {
  auto found = std::lower_bound(parts.begin(), parts.end(), name,
                                [](const auto& part, std::string_view key) { return part->name < key; });
  CHECK(found != parts.end() && (*found)->name == name);
  return *found;
}
template <class Part>
const Part& find_part(const std::vector<std::shared_ptr<const Part>>& parts, std::string_view name) {
  return *find_shared_part(parts, name);
}

/// gives: the route of that name; null when there is none
inline std::shared_ptr<const RoutePart> find_route(const Snapshot& snapshot, std::string_view name) {
  const auto& routes = snapshot.routes;   // in the order of their names
  auto found = std::lower_bound(routes.begin(), routes.end(), name,
                                [](const RouteEntry& entry, std::string_view key) { return entry.part->name < key; });
  return found != routes.end() && found->part->name == name ? found->part : nullptr;
}

}  // namespace sluice::snapshot
