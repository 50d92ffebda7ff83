#include "snapshot/config.h"

#include <utility>

#include "base/hash.h"
#include "snapshot/config_check.h"

namespace sluice::snapshot {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kFormatVersion{"format_version"};
constexpr uint32_t kFormat = 1;

constexpr Field kConfigFields[] = {
    field<&Config::sluice>({.name = "sluice",
                            .about = "The format's major version: 1.",
                            .example = "1",
                            .need = config::Need::required}),
    field<&Config::include>({.name = "include",
                             .about = "Files to merge with this one, with * and ?; relative to it. Each is read once.",
                             .example = "[\"routes.d/*.toml\"]"}),
    field<&Config::trusted_proxies>(
        {.name = "trusted_proxies",
         .about = "Only these are believed about Forwarded, X-Forwarded-* and PROXY protocol.",
         .reason = "a client could claim any address",
         .example = "[\"10.0.0.0/8\"]"}),
    field<&Config::server>({.name = "server", .about = "The process."}),
    field<&Config::admin>(
        {.name = "admin",
         .about = "The admin listener: metrics and health. Without this table there is none."}),
    field<&Config::listen>({.name = "listen", .about = "A listener: where clients come in."}),
    field<&Config::tls>({.name = "tls", .about = "Certificates, for listeners."}),
    field<&Config::upstream>({.name = "upstream", .about = "Servers that answer, for routes."}),
    field<&Config::plugin>(
        {.name = "plugin", .about = "A policy of your own, in a shared object, for routes."}),
    field<&Config::auth>(
        {.name = "auth",
         .about = "A kind of credential and how it is judged, for routes. Once there is one, every route "
                  "to an upstream says which it asks for, or auth = \"none\"."}),
    field<&Config::consumer>(
        {.name = "consumer", .about = "Somebody who uses the API: credentials, and what they grant."}),
    field<&Config::limit>(
        {.name = "limit", .about = "How much one client, user or key may ask for, for routes."}),
    field<&Config::cors>(
        {.name = "cors", .about = "Which pages of other origins may read a route's answers, for routes."}),
    field<&Config::authorizer>(
        {.name = "authorizer",
         .about = "A service that is asked whether requests may pass, for routes."}),
    field<&Config::ip_list>(
        {.name = "ip_list",
         .about = "Addresses, for `allow_ips` and `deny_ips` of routes and listeners, and `allow_ips` of consumers."}),
    field<&Config::security_headers>(
        {.name = "security_headers",
         .about = "Fields that tell browsers to be careful, for responses of routes and listeners that name it."}),
    field<&Config::redis>(
        {.name = "redis",
         .about = "A Redis, for what must hold across several gateways; nothing waits for it to start."}),
    field<&Config::route>(
        {.name = "route",
         .about =
             "A route: which requests, and what becomes of them. It ends in exactly one of "
             "upstream, "
             "redirect, respond and ticket. The most specific route counts, never the order in the file."}),
    field<&Config::log>({.name = "log", .about = "The logs."}),
};

uint64_t fingerprint(const config::Type& type, const void* object) {
  std::string text;
  type.print(object, text);
  return fnv1a(text);
}

uint64_t mix(uint64_t fingerprint, uint64_t named) {
  return fnv1a({reinterpret_cast<const char*>(&named), sizeof(named)}, fingerprint);
}

template <class T>
void fingerprint_each(config::Sections<T>& sections) {
  for (auto& section : sections)
    section.fingerprint = fingerprint(config::TypeOf<T>::type, &section.value);
}

// Without its servers: they may come and go without anything else having changed.
void fingerprint_upstreams(config::Sections<upstream::UpstreamConfig>& sections) {
  for (auto& section : sections) {
    auto servers = std::exchange(section.value.servers, {});
    section.fingerprint = fingerprint(config::TypeOf<upstream::UpstreamConfig>::type, &section.value);
    section.value.servers = std::move(servers);
  }
}

// Keys in [consumer.*] are part of what looks them up.
void fingerprint_auth(Config& config) {
  fingerprint_each(config.auth);
  for (auto& auth : config.auth) {
    for (const std::string& name : {auth.value.signature.replay.name, auth.value.store.redis.name}) {
      if (auto* redis = find_section(config.redis, name)) auth.fingerprint = mix(auth.fingerprint, redis->fingerprint);
    }
    if (!auth.value.uses_consumers()) continue;
    for (const auto& consumer : config.consumer)
      auth.fingerprint = fnv1a(consumer.name, mix(auth.fingerprint, consumer.fingerprint));
  }
}

void fingerprint_limits(Config& config) {
  fingerprint_each(config.limit);
  for (auto& limit : config.limit) {   // another size is another table
    limit.fingerprint = mix(limit.fingerprint, config.server.limit_memory_max.count);
    if (auto* redis = find_section(config.redis, limit.value.store.name))
      limit.fingerprint = mix(limit.fingerprint, redis->fingerprint);
  }
}

/// Of what consumers are held against; 0: no consumer has any.
uint64_t consumer_limits_fingerprint(const Config& config) {
  uint64_t out = 0;
  for (const auto& consumer : config.consumer) {
    for (const auto& named : consumer.value.limits) {
      const auto* limit = find_section(config.limit, named.name);
      if (limit != nullptr) out = fnv1a(consumer.name, mix(out, limit->fingerprint));
    }
  }
  return out;
}

void add_lists(const policy::IpSources& sources, const Config& config, uint64_t& fingerprint) {
  for (const auto& source : sources) {
    if (const auto* list = find_section(config.ip_list, source.value.list))
      fingerprint = mix(fingerprint, list->fingerprint);
  }
}

void add_lists(const policy::IpFilterConfig& ips, const Config& config, uint64_t& fingerprint) {
  add_lists(ips.allow, config, fingerprint);
  add_lists(ips.deny, config, fingerprint);
}

void fingerprint_consumers(Config& config) {
  fingerprint_each(config.consumer);
  for (auto& consumer : config.consumer) add_lists(consumer.value.allow_ips, config, consumer.fingerprint);
}

void set_fingerprints(Config& config) {
  fingerprint_each(config.tls);
  fingerprint_upstreams(config.upstream);
  fingerprint_each(config.listen);
  fingerprint_each(config.plugin);
  fingerprint_each(config.cors);
  fingerprint_each(config.authorizer);
  fingerprint_each(config.ip_list);
  fingerprint_each(config.security_headers);
  fingerprint_each(config.redis);
  fingerprint_consumers(config);
  fingerprint_auth(config);
  fingerprint_limits(config);
  fingerprint_each(config.route);
  for (auto& listen : config.listen) {
    if (auto* tls = find_section(config.tls, listen.value.tls.name))
      listen.fingerprint = mix(listen.fingerprint, tls->fingerprint);
    auto* target = find_section(config.listen, listen.value.redirect.listen.name);
    if (target != nullptr)
      listen.fingerprint = mix(listen.fingerprint, target->value.address.value.port());
    add_lists(listen.value.ips, config, listen.fingerprint);
    if (auto* security = find_section(config.security_headers, listen.value.security.name))
      listen.fingerprint = mix(listen.fingerprint, security->fingerprint);
  }
  uint64_t consumer_limits = consumer_limits_fingerprint(config);
  for (auto& route : config.route) {
    if (!route.value.auth.names.empty()) route.fingerprint = mix(route.fingerprint, consumer_limits);
    auto* upstream = find_section(config.upstream, route.value.route.upstream.name);
    if (upstream != nullptr) route.fingerprint = mix(route.fingerprint, upstream->fingerprint);
    for (const auto& named : route.value.auth.names) {
      if (auto* auth = find_section(config.auth, named.name))
        route.fingerprint = mix(route.fingerprint, auth->fingerprint);
    }
    if (auto* cors = find_section(config.cors, route.value.cors.name))
      route.fingerprint = mix(route.fingerprint, cors->fingerprint);
    if (auto* authorizer = find_section(config.authorizer, route.value.authorizer.name))
      route.fingerprint = mix(route.fingerprint, authorizer->fingerprint);
    for (const auto& named : route.value.plugins) {
      if (auto* plugin = find_section(config.plugin, named.name))
        route.fingerprint = mix(route.fingerprint, plugin->fingerprint);
    }
    add_lists(route.value.ips, config, route.fingerprint);
    if (auto* security = find_section(config.security_headers, route.value.security.name))
      route.fingerprint = mix(route.fingerprint, security->fingerprint);
    for (const auto& named : route.value.limits) {
      if (auto* limit = find_section(config.limit, named.name.name))
        route.fingerprint = mix(route.fingerprint, limit->fingerprint);
    }
  }
  config.hash = fingerprint(config_type(), &config);
}

LoadedConfig finish(config::Document document, const LoadOptions& options) {
  LoadedConfig out{std::move(document), {}};
  config::Issues& issues = out.document.issues;
  config::Reader reader(out.document.sources, issues, config_type());
  // Without the main file nothing is known; without an included one all but what it may define.
  bool has_main = out.document.root.at.line > 0;
  if (has_main) config_type().read(reader, out.document.root, Field{}, &out.config);
  if (out.document.complete) {
    check_names(out.config, out.document);
    check_listeners(out.config, out.document);
    check_logs(out.config, out.document);
    check_auth(out.config, out.document);
    check_limits(out.config, out.document);
    check_routes(out.config, out.document);
  }
  check_tls(out.config, out.document, options.now);
  check_files(out.config, out.document);
  check_places(out.config, out.document);
  check_secrets(out.config, out.document, options.environment);
  check_slips(out.config, out.document);
  if (issues.count(config::Severity::error) == 0) set_fingerprints(out.config);
  if (options.asker == Asker::service) issues.raise_unchecked();
  issues.sort();
  return out;
}

}  // namespace

std::span<const Field> config_fields(const Config*) {
  return kConfigFields;
}

void config_check(const Config& config, const config::Value& table, config::Reader& reader) {
  const config::Entry* version = table.find("sluice");
  if (version == nullptr || version->value.kind != config::Value::Kind::integer ||
      config.sluice == kFormat)
    return;
  reader.issues().add(kFormatVersion, version->value.at,
                      "this sluice reads format " + std::to_string(kFormat) + ", not " +
                          std::to_string(version->value.integer));
}

const config::Type& config_type() {
  return config::TypeOf<Config>::type;
}

LoadedConfig load_config(const std::string& path, const LoadOptions& options) {
  return finish(config::load(path, options.environment), options);
}

LoadedConfig load_config_text(std::string name, std::string text, const LoadOptions& options) {
  return finish(config::load_text(std::move(name), std::move(text), options.environment), options);
}

}  // namespace sluice::snapshot
