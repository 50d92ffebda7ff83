#include "admin/status_page.h"

#include <algorithm>
#include <map>

#include "admin/json_text.h"
#include "control/process_limits.h"
#include "observe/time_text.h"
#include "snapshot/files_hash.h"

namespace sluice::admin {
namespace {

std::string time_of(WallTime time) {
  char out[observe::TimeText::kBytes];
  observe::TimeText().write(out, time);
  return {out, sizeof(out)};
}

// The sum over all workers of read(block).
template <class Block, class Read>
uint64_t sum(const observe::Registry& registry,
             const observe::BlockTable<Block>& (observe::Shard::*table)() const, uint32_t id,
             Read read) {
  uint64_t total = 0;
  for (const auto& shard : registry.shards()) {
    if (const Block* block = (*shard.*table)().find(id)) total += read(*block);
  }
  return total;
}

// No worker has set it aside.
bool is_up(const observe::Registry& registry, uint32_t id) {
  for (const auto& shard : registry.shards()) {
    const observe::EndpointMetrics* endpoint = shard->endpoints().find(id);
    if (endpoint != nullptr && endpoint->up.value() == 0) return false;
  }
  return true;
}

void write_config(JsonText& json, const control::Keeper& keeper) {
  const control::ReloadFacts& reloads = keeper.reloads();
  json.object("config").text("file", keeper.file()).text("hash", hex_text(keeper.snapshot().hash));
  json.text("files_hash", hex_text(snapshot::files_hash(keeper.snapshot())));
  json.text("loaded_at", time_of(reloads.applied_at));
  json.number("routes", keeper.snapshot().routes.size());
  json.end_object();
  json.object("last_reload").flag("success", reloads.success);
  json.text("at", time_of(reloads.at)).array("faults");
  for (std::string_view rest = reloads.faults; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty()) json.text({}, line);
  }
  json.end_array().end_object();
}

void write_listeners(JsonText& json, const control::Keeper& keeper) {
  using observe::ListenerMetrics;
  json.array("listeners");
  for (const auto& listener : keeper.snapshot().listeners) {
    json.object().text("name", listener->name);
    json.text("address", listener->settings->address.to_string());
    json.flag("tls", listener->settings->tls != nullptr);
    auto open = [](const ListenerMetrics& metrics) { return metrics.connections.value(); };
    json.number("connections", sum(keeper.process().registry, &observe::Shard::listeners,
                                   listener->metric.id(), open));
    json.end_object();
  }
  json.end_array();
}

std::string_view endpoint_state(const control::Keeper& keeper, const upstream::EndpointList& list, size_t i) {
  if (list.is_down(i)) return "down";
  return is_up(keeper.process().registry, list.targets[i].metrics_id) ? "up" : "set_aside";
}

/// By upstream and address.
using HealthByName = std::map<std::pair<std::string_view, std::string_view>, const observe::HealthFacts::Endpoint*>;

void write_endpoints(JsonText& json, const control::Keeper& keeper, size_t upstream, const HealthByName& health) {
  std::shared_ptr<const upstream::EndpointList> list = keeper.endpoints(upstream);
  json.flag("unresolved", list == nullptr || list->unresolved).array("endpoints");
  for (size_t i = 0; list != nullptr && i < list->targets.size(); ++i) {
    std::string address = list->targets[i].address.to_string();
    json.object().text("address", address).text("state", endpoint_state(keeper, *list, i));
    json.number("weight", list->targets[i].weight);
    if (auto found = health.find({keeper.snapshot().upstreams[upstream]->name, address}); found != health.end()) {
      json.object("health").number("passed", found->second->passed).number("failed", found->second->failed);
      json.text("last_failure", found->second->failure).end_object();
    }
    json.end_object();
  }
  json.end_array();
}

void write_upstreams(JsonText& json, const control::Keeper& keeper) {
  using observe::UpstreamMetrics;
  const auto& upstreams = keeper.snapshot().upstreams;
  observe::HealthFacts facts = keeper.health();
  HealthByName health;
  for (const auto& one : facts.endpoints) health[{one.upstream, one.endpoint}] = &one;
  json.array("upstreams");
  for (size_t i = 0; i < upstreams.size(); ++i) {
    auto total = [&](const Counter UpstreamMetrics::*counter) {
      return sum(keeper.process().registry, &observe::Shard::upstreams, upstreams[i]->metric.id(),
                 [&](const UpstreamMetrics& metrics) { return (metrics.*counter).value(); });
    };
    json.object().text("name", upstreams[i]->name);
    json.number("requests_in_flight", total(&UpstreamMetrics::in_flight));
    json.number("connections_idle", total(&UpstreamMetrics::connections_idle));
    json.number("connections_active", total(&UpstreamMetrics::connections_active));
    write_endpoints(json, keeper, i, health);
    json.end_object();
  }
  json.end_array();
}

// Routes on which nothing is in flight are left out: there may be thousands.
void write_routes(JsonText& json, const proxy::InFlightReport& in_flight) {
  json.array("routes");
  for (const auto& [name, sum] : in_flight.routes) {
    if (name.empty()) continue;
    auto age = std::chrono::duration_cast<std::chrono::seconds>(sum.oldest).count();
    json.object().text("name", name).number("requests", sum.requests).number("sockets", sum.sockets);
    json.number("oldest_seconds", static_cast<uint64_t>(age));
    json.number("request_bytes", sum.request_bytes).number("response_bytes", sum.response_bytes).end_object();
  }
  json.end_array();
}

// Of all workers.
uint64_t redis_total(const control::Keeper& keeper, const snapshot::RedisPart& part, const Counter StoreCounters::*counter) {
  return sum(keeper.process().registry, &observe::Shard::redis, part.metric.id(),
             [&](const StoreCounters& counts) { return (counts.*counter).value(); });
}

void write_redis(JsonText& json, const control::Keeper& keeper) {
  json.array("redis");
  for (const auto& part : keeper.snapshot().redis) {
    json.object().text("name", part->name).text("state", is_away(keeper, *part) ? "away" : "up");
    json.number("queued", redis_total(keeper, *part, &StoreCounters::queued)).end_object();
  }
  json.end_array();
}

void write_logs(JsonText& json, const control::Keeper& keeper) {
  json.array("logs");
  for (const auto& [name, counts] : keeper.process().logs.counts()) {
    json.object().text("name", name).number("lines", counts.lines);
    json.number("dropped", counts.dropped).end_object();
  }
  json.end_array();
}

}  // namespace

bool is_away(const control::Keeper& keeper, const snapshot::RedisPart& part) {
  return redis_total(keeper, part, &StoreCounters::away) != 0;
}

std::string_view state_name(control::Keeper::State state) {
  using State = control::Keeper::State;
  switch (state) {
    case State::starting: return "starting";
    case State::serving: return "serving";
    case State::leaving: return "leaving";
    case State::draining: return "draining";
    case State::done: return "done";
  }
  return "done";
}

std::string status_page(const control::Keeper& keeper, const proxy::InFlightReport& in_flight, size_t silent) {
  const control::Process& process = keeper.process();
  WallTime now = keeper.loop().clock().wall();
  auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - process.started_at);
  JsonText json;
  json.object().text("version", SLUICE_VERSION).text("state", state_name(keeper.state()));
  json.text("started_at", time_of(process.started_at));
  json.number("uptime_seconds", uptime.count() < 0 ? 0 : static_cast<uint64_t>(uptime.count()));
  json.number("workers", keeper.workers()).number("silent_workers", silent);
  write_config(json, keeper);
  json.object("connections").number("open", process.load.connections.value());
  json.number("max", control::connections_max(keeper.snapshot().config.server)).end_object();
  write_listeners(json, keeper);
  write_upstreams(json, keeper);
  write_routes(json, in_flight);
  write_redis(json, keeper);
  write_logs(json, keeper);
  return json.end_object().take() + '\n';
}

}  // namespace sluice::admin
