#include "snapshot/route_policies.h"

#include "policy/allow/allow.h"
#include "policy/auth/authenticate.h"
#include "policy/catalog.h"
#include "policy/cors/cors.h"
#include "policy/headers.h"
#include "policy/ip_filter/ip_policy.h"
#include "policy/limit/limits.h"
#include "policy/signature/signature.h"
#include "policy/ticket/ticket.h"
#include "snapshot/ip_parts.h"

namespace sluice::snapshot {

using policy::PipelineBuilder;
using policy::Place;

namespace {

void add_plugins(const RouteSection& route, const Snapshot& snapshot, PipelineBuilder& pipeline) {
  for (const auto& named : route.plugins) {
    const PluginPart& part = find_part(snapshot.plugins, named.name);
    // Without one it could not be loaded: a fault is noted, and the snapshot is not used.
    if (part.plugin) pipeline.add(Place::plugin, plugin::make_policy(part.plugin));
  }
}

void add_auth(const RouteSection& route, const Snapshot& snapshot, PipelineBuilder& pipeline) {
  using policy::Authenticate;
  if (route.auth.names.empty()) return;
  Authenticate::List list;
  for (const auto& named : route.auth.names) {
    const AuthPart& part = find_part(snapshot.auth, named.name);
    list.push_back(part.authenticator);
    if (part.signatures) pipeline.add(Place::authorization, std::make_unique<policy::SignedBody>(part.signatures));
  }
  auto needs = route.auth.mode == policy::RouteAuth::Mode::all ? Authenticate::Needs::all : Authenticate::Needs::any;
  auto credentials = route.keep_credentials ? Authenticate::Credentials::kept : Authenticate::Credentials::removed;
  pipeline.add(Place::authentication, std::make_unique<Authenticate>(std::move(list), needs, credentials));
}

std::shared_ptr<const policy::Limiter> limiter_of(const std::string& name, const Snapshot& snapshot) {
  const auto& part = find_shared_part(snapshot.limits, name);
  return {part, part->limiter.get()};   // the part holds its metric
}

// Two groups, by what their keys need to know; the one that sees the response last tells the client of all.
void add_limits(const RouteSection& route, const Snapshot& snapshot, PipelineBuilder& pipeline) {
  std::vector<policy::LimitUse> early, late;
  policy::LimitPolicies policies;
  bool failures = false;
  for (const auto& named : route.limits) {
    auto limiter = limiter_of(named.name.name, snapshot);
    failures |= limiter->counts_failures();
    policy::add_policy_item(policies.all, *limiter);
    if (!named.is_default) policy::add_policy_item(policies.without_defaults, *limiter);
    (limiter->is_early() ? early : late).push_back({std::move(limiter), named.cost, named.is_default});
  }
  auto own = route.auth.names.empty() ? nullptr : snapshot.consumer_limits;
  bool only_late = early.empty();
  if (!early.empty()) {
    pipeline.add(Place::early_limit, std::make_unique<policy::Limits>(std::move(early), policies, policy::LimitTells::yes));
  }
  if (failures) pipeline.add(Place::authorization, std::make_unique<policy::LimitSettlement>());
  if (late.empty() && own == nullptr) return;
  auto tells = only_late ? policy::LimitTells::yes : policy::LimitTells::no;
  pipeline.add(Place::limit, std::make_unique<policy::Limits>(std::move(late), std::move(policies), tells, std::move(own)));
}

/// Without methods of its own, [cors.NAME] allows what the route takes.
std::string cors_methods(const policy::CorsConfig& cors, const route::MatchConfig& match) {
  std::vector<http::Method> methods = match.methods;
  for (const auto& named : cors.methods) {
    if (&named == cors.methods.data()) methods.clear();
    methods.push_back(named.value);
  }
  if (methods.empty()) methods = {http::Method::get, http::Method::head, http::Method::post};
  std::string out;
  for (http::Method method : methods) {
    if (!out.empty()) out += ", ";
    out += http::method_name(method);
  }
  return out;
}

void add_cors(const RouteSection& route, const Snapshot& snapshot, PipelineBuilder& pipeline) {
  const auto* section = find_section(snapshot.config.cors, route.cors.name);
  if (section == nullptr) return;
  pipeline.add(Place::cors, std::make_unique<policy::Cors>(section->name, section->value,
                                                           cors_methods(section->value, route.route.match)));
}

void add_authorizer(const RouteSection& route, const Snapshot& snapshot, PipelineBuilder& pipeline) {
  if (route.authorizer.empty()) return;
  const AuthorizerPart& part = find_part(snapshot.authorizers, route.authorizer.name);
  pipeline.add(Place::authorization, std::make_unique<policy::Authorizer>(part.service));
}

}  // namespace

std::shared_ptr<const policy::ConsumerLimits> make_consumer_limits(const Snapshot& snapshot) {
  auto out = std::make_shared<policy::ConsumerLimits>();
  for (const auto& consumer : snapshot.config.consumer) {
    std::vector<policy::LimitUse> uses;
    for (const auto& named : consumer.value.limits) uses.push_back({limiter_of(named.name, snapshot)});
    if (!uses.empty()) out->add(consumer.name, std::move(uses));
  }
  return out->empty() ? nullptr : out;
}

policy::Pipeline make_pipeline(const RouteSection& route, const Snapshot& snapshot, uint32_t metric) {
  PipelineBuilder pipeline;
  if (!route.ips.empty()) pipeline.add(Place::address, std::make_unique<policy::IpPolicy>(make_ip_filter(route.ips, snapshot)));
  add_cors(route, snapshot, pipeline);
  add_auth(route, snapshot, pipeline);
  add_limits(route, snapshot, pipeline);   // before what else is at their places
  if (route.allow) pipeline.add(Place::authorization, std::make_unique<policy::Allow>(*route.allow, metric));
  add_authorizer(route, snapshot, pipeline);   // last at its place: the others cost no question
  add_plugins(route, snapshot, pipeline);
  if (!route.ticket.empty()) {
    pipeline.add(Place::reply, std::make_unique<policy::IssueTicket>(find_part(snapshot.auth, route.ticket.name).tickets));
  }
  if (!(route.headers.request.empty() && route.headers.response.empty())) {
    pipeline.add(Place::transformation, std::make_unique<policy::Headers>(route.headers));
  }
  return std::move(pipeline).build();
}

}  // namespace sluice::snapshot
