#include "policy/catalog.h"

#include "policy/headers.h"

namespace sluice::policy {

Pipeline make_pipeline(const RoutePolicies& route,
                       std::vector<std::unique_ptr<const Policy>> plugins) {
  Pipeline pipeline;
  // Plugins before transformation: they judge what the client sent, and header rules have the last word.
  for (auto& plugin : plugins) pipeline.add(std::move(plugin));
  // Transformation last: every policy before it sees what the client sent.
  if (route.headers && !(route.headers->request.empty() && route.headers->response.empty())) {
    pipeline.add(std::make_unique<Headers>(*route.headers));
  }
  return pipeline;
}

}  // namespace sluice::policy
