#include "observe/registry.h"

#include <string>

#include "base/check.h"
#include "observe/text_page.h"

namespace sluice::observe {
namespace {

std::string endpoint_labels(std::string_view upstream, std::string_view address) {
  return render_label("upstream", upstream) + ',' + render_label("endpoint", address);
}

}  // namespace

Registry::Registry(unsigned shards, size_t names_max)
    : names_{SeriesNames(render_label("route", "other"), names_max),
             SeriesNames(render_label("upstream", "other"), names_max),
             SeriesNames(endpoint_labels("other", "other"), names_max),
             SeriesNames(render_label("listener", "other"), names_max),
             SeriesNames(render_label("limit", "other"), names_max),
             SeriesNames(render_label("redis", "other"), names_max)} {
  CHECK(names_max > 0 && names_max < BlockTable<RouteMetrics>::kIdsMax);
  grow(shards);
  CHECK(acquire(Table::route, "-") == kUnrouted);
}

void Registry::grow(unsigned shards) {
  while (shards_.size() < shards) shards_.push_back(std::make_unique<Shard>());
}

uint32_t Registry::acquire(Table table, std::string_view name) {
  CHECK(table != Table::endpoint);
  return table_names(table).acquire(render_label(kTableLabels[static_cast<size_t>(table)], name));
}

uint32_t Registry::acquire_endpoint(std::string_view upstream, std::string_view address) {
  return table_names(Table::endpoint).acquire(endpoint_labels(upstream, address));
}

void Registry::release(Table table, uint32_t id) {
  if (!table_names(table).release(id)) return;
  for (auto& shard : shards_) {
    switch (table) {
      case Table::route:
        shard->routes_.drop(id);
        shard->grpc_.drop(id);
        break;
      case Table::upstream: shard->upstreams_.drop(id); break;
      case Table::endpoint: shard->endpoints_.drop(id); break;
      case Table::listener: shard->listeners_.drop(id); break;
      case Table::limit: shard->limits_.drop(id); break;
      case Table::redis: shard->redis_.drop(id); break;
    }
  }
}

}  // namespace sluice::observe
