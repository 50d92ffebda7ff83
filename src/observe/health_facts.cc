#include "observe/health_facts.h"

#include <algorithm>

namespace sluice::observe {

void HealthFacts::add(const Endpoint& one) {
  for (size_t i = endpoints.size(); i-- > 0 && endpoints[i].upstream == one.upstream;) {
    Endpoint& before = endpoints[i];
    if (before.endpoint != one.endpoint) continue;
    before.up = before.up && one.up;
    before.passed += one.passed;
    before.failed += one.failed;
    before.last_seconds = std::max(before.last_seconds, one.last_seconds);
    if (before.failure.empty()) before.failure = one.failure;
    return;
  }
  endpoints.push_back(one);
}

void write_health(const HealthFacts& facts, TextPage& page) {
  std::vector<std::string> labels;
  for (const auto& one : facts.endpoints) {
    labels.push_back(render_label("upstream", one.upstream) + ',' + render_label("endpoint", one.endpoint));
  }
  page.family(Family::health_up);
  for (size_t i = 0; i < labels.size(); ++i) page.sample({labels[i]}, uint64_t{facts.endpoints[i].up});
  page.family(Family::health_checks);
  for (size_t i = 0; i < labels.size(); ++i) {
    page.sample({labels[i], "result=\"passed\""}, facts.endpoints[i].passed);
    page.sample({labels[i], "result=\"failed\""}, facts.endpoints[i].failed);
  }
  page.family(Family::health_seconds);
  for (size_t i = 0; i < labels.size(); ++i) page.sample({labels[i]}, facts.endpoints[i].last_seconds);
}

}  // namespace sluice::observe
