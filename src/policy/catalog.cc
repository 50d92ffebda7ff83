#include "policy/catalog.h"

#include <algorithm>

namespace sluice::policy {

Pipeline PipelineBuilder::build() && {
  std::ranges::stable_sort(placed_, {}, [](const auto& placed) { return placed.first; });
  Pipeline pipeline;
  for (auto& [place, policy] : placed_) pipeline.add(std::move(policy));
  return pipeline;
}

}  // namespace sluice::policy
