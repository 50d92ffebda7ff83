#include "snapshot/config_check.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/suggest.h"
#include "http/fields.h"
#include "snapshot/config_names.h"

namespace sluice::snapshot {

using config::Document;
using config::Issue;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kUnknownName{"unknown_name"};
constexpr IssueKind kUnknownParam{"unknown_path_parameter"};
constexpr IssueKind kGrpcWebProtocol{"grpc_web_protocol"};
constexpr IssueKind kPresetNamed{"security_headers_name"};
constexpr IssueKind kNobodyTrusted{"nobody_trusted", config::Severity::warning};
constexpr IssueKind kNoListener{"no_listener"};
constexpr IssueKind kAddressTwice{"address_twice"};
constexpr IssueKind kRedirectToPlain{"redirect_to_plain"};
constexpr IssueKind kRedirectToUnix{"redirect_to_unix"};
constexpr IssueKind kRouteTie{"route_tie"};
constexpr IssueKind kRouteOverlap{"route_overlap"};
constexpr IssueKind kRouteUnreachable{"route_unreachable"};
constexpr IssueKind kRouteLimit{"routes_per_path"};

void report_unknown_param(std::string_view name, config::Position at, const route::Pattern& path, Document& document) {
  config::Nearest nearest(name);
  for (const std::string& known : path.params()) nearest.offer(known);
  // Facts of other texts are written so.
  constexpr std::string_view kFact = "path.";
  std::string_view bare = name.substr(name.starts_with(kFact) ? kFact.size() : 0);
  bool is_fact = bare != name && path.param_index(bare);
  document.issues.add(kUnknownParam, at, quoted(path.text()) + " has no parameter " + quoted(name)).hint =
      is_fact ? "write {" + std::string(bare) + "}" : nearest.hint();
}

// Path facts of a template must be parameters of the route's own path.
void check_params(const config::Template& text, config::Position at, const route::Pattern& path,
                  Document& document) {
  for (const config::TemplatePart& part : text.parts) {
    if (!part.has_fact || part.fact.kind != config::Fact::Kind::path ||
        path.param_index(part.fact.name))
      continue;
    report_unknown_param(part.fact.name, at, path, document);
  }
}

void check_rules(const policy::HeaderRules& rules, const route::Pattern& path, Document& document) {
  for (const auto* fields : {&rules.set, &rules.add}) {
    for (const auto& item : *fields) check_params(item.value.value, item.value.at, path, document);
  }
}

void check_params(const RouteSection& section, Document& document) {
  const route::Pattern& path = section.route.match.path.value;
  const auto& rewrite = section.route.rewrite.path;
  if (rewrite) check_params(rewrite->value.path, rewrite->at, path, document);
  const auto& redirect = section.route.redirect;
  if (redirect) check_params(redirect->to.value, redirect->to.at, path, document);
  check_rules(section.headers.request, path, document);
  check_rules(section.headers.response, path, document);
  if (!section.allow) return;
  for (const policy::AllowRule& rule : section.allow->rules()) {
    for (const auto& item : rule.path) {
      if (!path.param_index(item.name)) report_unknown_param(item.name, item.at, path, document);
    }
  }
}

// The service that a route asks, and the parameters of its path that the question is made of.
void check_authorizer(const RouteSection& section, const Config& config, Document& document) {
  const auto& named = section.authorizer;
  const auto* authorizer = resolve("authorizer", named.name, named.at, config.authorizer, document);
  if (authorizer == nullptr || !authorizer->sound || !section.route.match.path.at.line) return;
  const route::Pattern& path = section.route.match.path.value;
  auto check = [&](const config::Fact& fact, config::Position at) {
    if (fact.kind != config::Fact::Kind::path || path.param_index(fact.name)) return;
    document.issues.add(kUnknownParam, named.at, quoted(path.text()) + " has no parameter " + quoted(fact.name)).note =
        "[authorizer." + authorizer->name + "] asks with it, at " + document.sources.place(at);
  };
  for (const auto& fact : authorizer->value.cache_key) check(fact.value, fact.at);
  for (const auto& field : authorizer->value.set) {
    for (const config::TemplatePart& part : field.value.value.parts) {
      if (part.has_fact) check(part.fact, field.value.at);
    }
  }
}

// gRPC needs trailers, and its servers speak nothing else.
void check_grpc_web(const config::Section<RouteSection>& route, const Config& config, Document& document) {
  const auto& named = route.value.route.upstream;
  const auto* upstream = find_section(config.upstream, named.name);
  bool unknown = upstream == nullptr && !named.empty();   // reported already
  if (!route.value.route.grpc_web || unknown) return;
  if (upstream != nullptr && (!upstream->sound || upstream->value.protocol != upstream::Protocol::h1)) return;
  document.issues.add(kGrpcWebProtocol, upstream ? named.at : route.at,
                      "[route." + route.name + "]: gRPC-Web leads to an upstream that speaks HTTP/2").note =
      "with protocol = \"h2c\", or \"h2\" and tls, in its [upstream.NAME]";
}

void check_lists(const policy::IpSources& sources, const Config& config, Document& document) {
  for (const auto& source : sources) resolve("ip_list", source.value.list, source.at, config.ip_list, document);
}

void check_lists(const policy::IpFilterConfig& ips, const Config& config, Document& document) {
  check_lists(ips.allow, config, document);
  check_lists(ips.deny, config, document);
}

void check_security(const config::Reference<"security_headers">& named, const Config& config, Document& document) {
  if (policy::is_security_preset(named.name)) return;
  resolve("security_headers", named.name, named.at, config.security_headers, document);
}

const IssueKind& kind_of(route::Conflict::Kind kind) {
  switch (kind) {
    case route::Conflict::Kind::tie:
      return kRouteTie;
    case route::Conflict::Kind::overlap:
      return kRouteOverlap;
    case route::Conflict::Kind::unreachable:
      return kRouteUnreachable;
    case route::Conflict::Kind::limit:
      return kRouteLimit;
  }
  return kRouteTie;
}

// One bound address of a listener or the admin listener.
struct Bound {
  std::string owner;
  const config::Placed<net::SocketAddress>* address;
};

// The wildcard address takes its port on every other address too.
bool collide(const net::SocketAddress& a, const net::SocketAddress& b) {
  if (a.is_unix() || b.is_unix()) return a == b;
  return a.port() == b.port() && (a.is_any() || b.is_any() || a.ip() == b.ip());
}

}  // namespace

void report_unknown_name(std::string_view table, std::string_view name, config::Position at,
                         std::string hint, Document& document) {
  document.issues
      .add(kUnknownName, at, "there is no [" + std::string(table) + "." + printable(name) + "]")
      .hint = std::move(hint);
}

void check_names(const Config& config, Document& document) {
  for (const auto& listen : config.listen) {
    resolve("tls", listen.value.tls.name, listen.value.tls.at, config.tls, document);
    check_lists(listen.value.ips, config, document);
    check_security(listen.value.security, config, document);
    const auto& target = listen.value.redirect.listen;
    const auto* other = resolve("listen", target.name, target.at, config.listen, document);
    if (other == nullptr) continue;
    if (other->value.tls.empty() && other->sound) {
      document.issues.add(kRedirectToPlain, target.at,
                          "[listen." + target.name + "] has no tls to redirect to");
    }
    if (other->value.address.value.is_unix()) {
      document.issues.add(kRedirectToUnix, target.at,
                          "[listen." + target.name + "] is a unix socket: clients cannot go there");
    }
  }
  for (const auto& auth : config.auth) {
    const policy::SignatureConfig& signature = auth.value.signature;
    if (signature.in_redis()) resolve("redis", signature.replay.name, signature.replay.at, config.redis, document);
  }
  for (const auto& consumer : config.consumer) check_lists(consumer.value.allow_ips, config, document);
  for (const auto& limit : config.limit) {
    if (limit.value.in_redis()) resolve("redis", limit.value.store.name, limit.value.store.at, config.redis, document);
  }
  for (const auto& section : config.security_headers) {
    if (!policy::is_security_preset(section.name)) continue;
    document.issues.add(kPresetNamed, section.at, "[security_headers." + section.name + "] cannot be: " + quoted(section.name) +
                                                      " stands for itself");
  }
  for (const auto& route : config.route) {
    const auto& upstream = route.value.route.upstream;
    resolve("upstream", upstream.name, upstream.at, config.upstream, document);
    check_authorizer(route.value, config, document);
    check_grpc_web(route, config, document);
    resolve("cors", route.value.cors.name, route.value.cors.at, config.cors, document);
    for (const auto& plugin : route.value.plugins)
      resolve("plugin", plugin.name, plugin.at, config.plugin, document);
    check_lists(route.value.ips, config, document);
    check_security(route.value.security, config, document);
    if (route.sound) check_params(route.value, document);
  }
}

void check_listeners(const Config& config, Document& document) {
  std::vector<Bound> bound;
  if (config.admin && config.admin->address.at.line > 0)
    bound.push_back({"admin", &config.admin->address});
  if (config.admin && config.admin->control) bound.push_back({"admin", &*config.admin->control});
  for (const auto& listen : config.listen) {
    if (listen.sound) bound.push_back({"listen." + listen.name, &listen.value.address});
  }
  for (size_t i = 1; i < bound.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!collide(bound[i].address->value, bound[j].address->value)) continue;
      Issue& issue = document.issues.add(
          kAddressTwice, bound[i].address->at,
          "[" + bound[i].owner + "] and [" + bound[j].owner + "] take the same address");
      issue.note = "the other is at " + document.sources.place(bound[j].address->at);
    }
  }
  for (const auto& listen : config.listen) {
    if (!listen.value.proxy_protocol || !config.trusted_proxies.empty()) continue;
    document.issues.add(kNobodyTrusted, listen.at, "[listen." + listen.name + "] takes the PROXY protocol, and from nobody").note =
        "those who may speak it stand in trusted_proxies";
  }
  if (config.listen.empty()) {
    document.issues.add(kNoListener, {}, "there is no [listen.NAME]: nothing to serve");
  }
}

void check_routes(const Config& config, Document& document) {
  std::vector<route::RouteMatch> matches;
  std::vector<const config::Section<RouteSection>*> sections;
  for (const auto& section : config.route) {
    if (!section.sound) continue;
    matches.push_back(route::compile(section.value.route));
    sections.push_back(&section);
  }
  auto router = route::build(matches);
  if (router) return;
  for (const route::Conflict& conflict : router.error()) {
    const auto& first = *sections[conflict.first];
    const auto& second = *sections[conflict.second];
    bool alone = conflict.kind == route::Conflict::Kind::limit;
    std::string text = alone ? "[route." + first.name + "]: "
                             : "[route." + second.name + "] and [route." + first.name + "]: ";
    Issue& issue = document.issues.add(kind_of(conflict.kind), (alone ? first : second).at,
                                       text + conflict.text);
    if (!alone) issue.note = "the other is at " + document.sources.place(first.at);
  }
}

}  // namespace sluice::snapshot
