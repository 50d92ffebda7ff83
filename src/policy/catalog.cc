#include "policy/catalog.h"

#include "policy/headers.h"

namespace sluice::policy {

Pipeline make_pipeline(const RoutePolicies& route) {
  Pipeline pipeline;
  // Transformation last: every policy before it sees what the client sent.
  if (route.headers && !(route.headers->request.empty() && route.headers->response.empty())) {
    pipeline.add(std::make_unique<Headers>(*route.headers));
  }
  return pipeline;
}

}  // namespace sluice::policy
