#include "snapshot/route_policies.h"

#include "policy/auth/authenticate.h"
#include "policy/catalog.h"
#include "policy/headers.h"

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
  for (const auto& named : route.auth.names) list.push_back(find_part(snapshot.auth, named.name).authenticator);
  auto needs = route.auth.mode == policy::RouteAuth::Mode::all ? Authenticate::Needs::all : Authenticate::Needs::any;
  auto credentials = route.keep_credentials ? Authenticate::Credentials::kept : Authenticate::Credentials::removed;
  pipeline.add(Place::authentication, std::make_unique<Authenticate>(std::move(list), needs, credentials));
}

}  // namespace

policy::Pipeline make_pipeline(const RouteSection& route, const Snapshot& snapshot) {
  PipelineBuilder pipeline;
  add_auth(route, snapshot, pipeline);
  add_plugins(route, snapshot, pipeline);
  if (!(route.headers.request.empty() && route.headers.response.empty())) {
    pipeline.add(Place::transformation, std::make_unique<policy::Headers>(route.headers));
  }
  return std::move(pipeline).build();
}

}  // namespace sluice::snapshot
