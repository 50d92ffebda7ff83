#include "snapshot/build.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "route/router_builder.h"
#include "snapshot/auth_parts.h"
#include "snapshot/ip_parts.h"
#include "snapshot/redis_parts.h"
#include "snapshot/route_policies.h"
#include "snapshot/tls_options.h"

namespace sluice::snapshot {
namespace {

/// The value of Strict-Transport-Security; empty: it is not sent.
std::string hsts_value(const HstsConfig& hsts) {
  if (hsts.max_age == Duration::zero()) return {};
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(hsts.max_age).count();
  return "max-age=" + std::to_string(seconds) + (hsts.subdomains ? "; includeSubDomains" : "");
}

class Builder {
 public:
  Builder(Config config, const Snapshot* previous, observe::Registry& registry)
      : previous_(previous), registry_(&registry), out_(std::make_shared<Snapshot>()) {
    out_->config = std::move(config);
  }

  Result<std::shared_ptr<const Snapshot>, BuildFaults> run();

 private:
  /// Sections are sorted by name, and so are the parts made of them.
  template <class Entries, class T, class PartOf>
  auto unchanged(const Entries* before, const config::Section<T>& section, PartOf part_of) {
    using Part = std::decay_t<decltype(part_of((*before)[0]))>;
    if (before == nullptr) return Part{};
    auto found = std::lower_bound(before->begin(), before->end(), section.name,
                                  [&](const auto& entry, const std::string& name) { return part_of(entry)->name < name; });
    bool same = found != before->end() && part_of(*found)->name == section.name &&
                part_of(*found)->fingerprint == section.fingerprint;
    return same ? part_of(*found) : Part{};
  }
  MetricUse use(observe::Table table, const std::string& name) {
    return {*registry_, table, registry_->acquire(table, name)};
  }

  std::shared_ptr<const UpstreamPart> make_upstream(const config::Section<upstream::UpstreamConfig>& section);
  std::shared_ptr<const ListenerPart> make_listener(const config::Section<ListenConfig>& section);
  std::shared_ptr<const PluginPart> make_plugin(const config::Section<plugin::PluginConfig>& section);
  std::shared_ptr<const TlsPart> make_tls(const config::Section<TlsConfig>& section);
  std::shared_ptr<net::SharedTicketKeys> ticket_keys(const std::string& name) const;
  std::shared_ptr<policy::SharedLimitTable> limit_table() const;
  std::shared_ptr<policy::SharedNonces> nonces() const;
  std::shared_ptr<Live<crypto::RevocationLists>> revoked_certificates() const;
  /// gives: null for an empty name
  std::shared_ptr<const http::DefaultFields> security_fields(std::string_view name) const;
  std::shared_ptr<const LimitPart> make_limit(const config::Section<policy::LimitConfig>& section);
  /// gives: null with a fault when the files are not good
  template <class Tls>
  std::shared_ptr<Tls> load_tls(const std::string& name, typename Tls::Options options) {
    auto made = Tls::load(name, std::move(options));
    if (made) return *made;
    faults_.push_back(name + ": " + made.error().file + ": " + made.error().reason);
    return nullptr;
  }
  /// Among how many what one part holds in memory is shared out.
  unsigned workers() const {
    unsigned count = out_->config.server.workers.count;
    return count != 0 ? count : std::max(1U, std::thread::hardware_concurrency());
  }
  void add_redis(const config::Section<RedisConfig>& section);
  void add_service(const std::string& name) {
    auto& counts = out_->services[name];
    if (previous_ != nullptr && previous_->services.contains(name)) counts = previous_->services.at(name);
    if (!counts) counts = std::make_shared<observe::SharedServiceCounts>();
  }
  RouteEntry make_entry(const config::Section<RouteSection>& section);
  std::shared_ptr<const RoutePart> make_route(const config::Section<RouteSection>& section,
                                              std::shared_ptr<const UpstreamPart> upstream);
  void build_router();

  const Snapshot* previous_;
  observe::Registry* registry_;
  std::shared_ptr<Snapshot> out_;
  BuildFaults faults_;
};

Result<std::shared_ptr<const Snapshot>, BuildFaults> Builder::run() {
  const Config& config = out_->config;
  out_->hash = config.hash;
  for (const Cidr& range : config.trusted_proxies) out_->trusted_proxies.add(range);
  auto itself = [](const auto& part) { return part; };
  for (const auto& section : config.upstream) {
    auto part = unchanged(previous_ ? &previous_->upstreams : nullptr, section, itself);
    out_->upstreams.push_back(part ? part : make_upstream(section));
  }
  for (const auto& section : config.tls) {
    auto part = unchanged(previous_ ? &previous_->tls : nullptr, section, itself);
    out_->tls.push_back(part ? part : make_tls(section));
  }
  for (const auto& section : config.ip_list) {
    auto part = unchanged(previous_ ? &previous_->ip_lists : nullptr, section, itself);
    out_->ip_lists.push_back(part ? part : make_ip_list(section, faults_));
  }
  for (const auto& section : config.listen) {
    auto part = unchanged(previous_ ? &previous_->listeners : nullptr, section, itself);
    out_->listeners.push_back(part ? part : make_listener(section));
  }
  for (const auto& section : config.plugin) {
    auto part = unchanged(previous_ ? &previous_->plugins : nullptr, section, itself);
    out_->plugins.push_back(part ? part : make_plugin(section));
  }
  for (const auto& section : config.redis) add_redis(section);
  out_->nonces = nonces();
  out_->revoked_certificates = revoked_certificates();
  for (const auto& section : config.auth) {
    if (section.value.type == policy::AuthType::introspection) add_service("auth." + section.name);
  }
  for (const auto& section : config.authorizer) add_service("authorizer." + section.name);
  for (const auto& section : config.auth) {
    auto part = unchanged(previous_ ? &previous_->auth : nullptr, section, itself);
    out_->auth.push_back(part ? part : make_auth(section, *out_, workers(), faults_));
    if (part == nullptr && previous_ != nullptr) inherit_key_uses(*previous_, *out_->auth.back());
  }
  if (!config.limit.empty()) out_->limit_table = limit_table();
  for (const auto& section : config.limit) {
    auto part = unchanged(previous_ ? &previous_->limits : nullptr, section, itself);
    out_->limits.push_back(part ? part : make_limit(section));
  }
  out_->consumer_limits = make_consumer_limits(*out_);
  for (const auto& section : config.authorizer) {
    auto part = unchanged(previous_ ? &previous_->authorizers : nullptr, section, itself);
    out_->authorizers.push_back(part ? part : make_authorizer(section, *out_, workers(), faults_));
  }
  for (const auto& section : config.route) {
    out_->routes.push_back(make_entry(section));
    out_->answers_preflights |= out_->routes.back().part->answers_preflights;
  }
  build_router();
  if (!faults_.empty()) return std::move(faults_);
  return std::shared_ptr<const Snapshot>(std::move(out_));
}

void Builder::build_router() {
  std::vector<route::RouteMatch> matches;
  for (const auto& section : out_->config.route) matches.push_back(route::compile(section.value.route));
  auto router = route::build(matches);
  if (router) {
    out_->router = *std::move(router);
    return;
  }
  for (const route::Conflict& conflict : router.error()) {
    faults_.push_back("route " + out_->config.route[conflict.first].name + ": " + conflict.text);
  }
}

std::shared_ptr<const UpstreamPart> Builder::make_upstream(const config::Section<upstream::UpstreamConfig>& section) {
  auto part = std::make_shared<UpstreamPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  part->config = section.value;
  part->config.servers.clear();   // a part may serve on with others
  part->metric = use(observe::Table::upstream, section.name);
  if (!section.value.uses_tls()) return part;
  part->tls = load_tls<net::SharedClientTls>(tls_name(section), tls_options(section));
  return part;
}

namespace {

server::Protocols protocols_of(const ListenConfig& from) {
  if (from.protocols.empty()) return {.h1 = true, .h2 = !from.tls.empty()};
  auto has = [&](Protocol one) { return std::find(from.protocols.begin(), from.protocols.end(), one) != from.protocols.end(); };
  return {.h1 = has(Protocol::h1), .h2 = has(Protocol::h2) || has(Protocol::h2c)};
}

http::H2Limits h2_limits(const ListenConfig& from, const http::H1Limits& head) {
  http::H2Limits limits;
  limits.head = head;
  limits.streams = from.limits.streams;
  limits.resets = from.http2.resets;
  limits.pings = from.http2.pings;
  limits.settings = from.http2.settings;
  limits.empty_frames = from.http2.empty_frames;
  limits.control_frames = from.http2.control_frames;
  limits.continuations = from.http2.continuations;
  limits.stalls = from.http2.stalls;
  limits.body_patience = from.timeout.body;
  limits.write_patience = from.timeout.write;
  return limits;
}

}  // namespace

std::shared_ptr<const ListenerPart> Builder::make_listener(const config::Section<ListenConfig>& section) {
  const ListenConfig& from = section.value;
  auto part = std::make_shared<ListenerPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  part->metric = use(observe::Table::listener, section.name);
  auto settings = std::make_shared<server::ListenerSettings>();
  settings->name = section.name;
  settings->address = from.address.value;
  settings->timeouts = {from.timeout.idle, from.timeout.header, from.timeout.body, from.timeout.write};
  settings->limits.line_bytes_max = from.limits.line.count;
  settings->limits.header_bytes_max = from.limits.header.count;
  settings->limits.headers_max = from.limits.headers;
  settings->body_bytes_max = from.limits.body.count;
  settings->per_ip_max = from.limits.per_ip;
  settings->limits.path = from.path_profile;
  settings->protocols = protocols_of(from);
  settings->h2_limits = h2_limits(from, settings->limits);
  settings->proxy_protocol = from.proxy_protocol;
  settings->security = security_fields(from.security.name);
  if (!from.ips.empty()) settings->ips = std::make_shared<const IpFilter>(make_ip_filter(from.ips, *out_));
  settings->metrics_id = part->metric.id();
  if (!from.redirect.listen.empty()) {
    const auto* target = find_section(out_->config.listen, from.redirect.listen.name);
    CHECK(target != nullptr);   // load_config checked it
    settings->redirect_port = target->value.address.value.port();
  }
  if (const auto* tls = find_section(out_->config.tls, from.tls.name)) {
    settings->tls = out_->tls[static_cast<size_t>(tls - out_->config.tls.data())]->tls;
    settings->asks_certificates = tls->value.client_cert.has_value();
    settings->hsts = hsts_value(tls->value.hsts);
  }
  part->settings = std::move(settings);
  return part;
}

std::shared_ptr<const TlsPart> Builder::make_tls(const config::Section<TlsConfig>& section) {
  auto part = std::make_shared<TlsPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  net::TlsServerOptions options = tls_options(section);
  if (section.value.tickets) options.tickets = ticket_keys(section.name);
  part->tls = load_tls<net::SharedServerTls>(tls_name(section), std::move(options));
  return part;
}

// A changed table keeps its keys: what else a ticket needs to resume is bound into the ticket.
std::shared_ptr<net::SharedTicketKeys> Builder::ticket_keys(const std::string& name) const {
  if (previous_ != nullptr) {
    for (const auto& before : previous_->tls) {
      if (before->name == name && before->tls->options().tickets) return before->tls->options().tickets;
    }
  }
  return std::make_shared<net::SharedTicketKeys>();
}

std::shared_ptr<const http::DefaultFields> Builder::security_fields(std::string_view name) const {
  if (name.empty()) return nullptr;
  const auto* section = find_section(out_->config.security_headers, name);
  return std::make_shared<const http::DefaultFields>(section != nullptr ? policy::security_fields(section->value)
                                                                        : policy::security_fields(name));
}

// The counts of limits that did not change go on; another size begins anew.
std::shared_ptr<policy::SharedLimitTable> Builder::limit_table() const {
  size_t bytes_max = out_->config.server.limit_memory_max.count;
  if (previous_ != nullptr && previous_->limit_table &&
      previous_->config.server.limit_memory_max.count == bytes_max) {
    return previous_->limit_table;
  }
  std::random_device device;   // nobody may choose keys that meet in one place
  auto word = [&device] { return uint64_t{device()} << 32 | device(); };
  uint64_t low = word();
  return std::make_shared<policy::SharedLimitTable>(bytes_max, Hash128{low, word()});
}

// What passed once passes no second time because of a reload, whatever it changes.
std::shared_ptr<policy::SharedNonces> Builder::nonces() const {
  if (previous_ != nullptr && previous_->nonces) return previous_->nonces;
  auto asks = [](const auto& auth) { return auth.value.type == policy::AuthType::signature; };
  bool any = std::ranges::any_of(out_->config.auth, asks);
  return any ? std::make_shared<policy::SharedNonces>() : nullptr;
}

// One for all: an authenticator that stays learns of lists whose table is new or has changed.
std::shared_ptr<Live<crypto::RevocationLists>> Builder::revoked_certificates() const {
  if (previous_ != nullptr && previous_->revoked_certificates) return previous_->revoked_certificates;
  return std::make_shared<Live<crypto::RevocationLists>>(std::make_shared<const crypto::RevocationLists>());
}

std::shared_ptr<const LimitPart> Builder::make_limit(const config::Section<policy::LimitConfig>& section) {
  auto part = std::make_shared<LimitPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  part->metric = use(observe::Table::limit, section.name);
  std::shared_ptr<const redis::Instance> redis;
  if (section.value.in_redis()) redis = find_part(out_->redis, section.value.store.name).instance;
  part->limiter = std::make_shared<policy::Limiter>(section.name, section.value, out_->limit_table, part->metric.id(),
                                                     std::move(redis));
  return part;
}

std::shared_ptr<const PluginPart> Builder::make_plugin(const config::Section<plugin::PluginConfig>& section) {
  auto part = std::make_shared<PluginPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  auto loaded = plugin::Plugin::load(section.name, section.value);
  if (loaded) {
    part->plugin = *std::move(loaded);
  } else {
    faults_.push_back("plugin " + section.name + ": " + section.value.file.path + ": " + loaded.error().why);
  }
  return part;
}

void Builder::add_redis(const config::Section<RedisConfig>& section) {
  auto part = unchanged(previous_ ? &previous_->redis : nullptr, section, [](const auto& before) { return before; });
  if (!part) part = make_redis(section, use(observe::Table::redis, section.name), faults_);
  out_->redis.push_back(std::move(part));
}

RouteEntry Builder::make_entry(const config::Section<RouteSection>& section) {
  RouteEntry entry;
  std::shared_ptr<const UpstreamPart> upstream;
  if (const std::string& name = section.value.route.upstream.name; !name.empty()) {
    const auto& found = find_shared_part(out_->upstreams, name);
    entry.upstream = static_cast<uint32_t>(&found - out_->upstreams.data());
    upstream = found;
  }
  entry.part = unchanged(previous_ ? &previous_->routes : nullptr, section,
                         [](const RouteEntry& before) { return before.part; });
  if (!entry.part) entry.part = make_route(section, std::move(upstream));
  return entry;
}

std::shared_ptr<const RoutePart> Builder::make_route(const config::Section<RouteSection>& section,
                                                     std::shared_ptr<const UpstreamPart> upstream) {
  const route::RouteConfig& from = section.value.route;
  auto part = std::make_shared<RoutePart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  part->params = from.match.path.value.params();
  if (from.limits.body) part->body_bytes_max = from.limits.body->count;
  part->answers_preflights = !section.value.cors.empty();
  if (from.match.upgrade) part->websocket = from.websocket.value_or(route::WebSocketConfig{});
  part->grpc_web = from.grpc_web;
  part->security = security_fields(section.value.security.name);
  for (const auto& item : section.value.headers.request.set) part->set_fields.add(http::field_id(item.name));
  part->metric = use(observe::Table::route, section.name);
  part->pipeline = make_pipeline(section.value, *out_, part->metric.id());
  if (from.redirect) part->redirect = Redirect{policy::Template(from.redirect->to.value), from.redirect->status};
  if (from.respond) {
    Respond& respond = part->respond.emplace(Respond{from.respond->status, from.respond->body, {}});
    for (const auto& header : from.respond->headers) respond.headers.emplace_back(header.name, header.value);
  }
  if (from.rewrite.path) part->rewrite.path = policy::Template(from.rewrite.path->value.path);
  part->rewrite.host = from.rewrite.host;
  if (upstream) {
    part->response_timeout = from.timeout.response.value_or(upstream->config.timeout.response);
    part->body_timeout = from.timeout.body.value_or(upstream->config.timeout.body);
    part->upstream = std::move(upstream);
  }
  return part;
}

}  // namespace

Result<std::shared_ptr<const Snapshot>, BuildFaults> build(Config config, const Snapshot* previous,
                                                           observe::Registry& registry) {
  return Builder(std::move(config), previous, registry).run();
}

}  // namespace sluice::snapshot
