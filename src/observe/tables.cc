#include "observe/tables.h"

#include <map>
#include <string>

namespace sluice::observe {
namespace {

// One labelled value of a fixed list, rendered once a scrape.
template <size_t N>
std::array<std::string, N> render_all(std::string_view label, const std::string_view (&values)[N]) {
  std::array<std::string, N> out;
  for (size_t i = 0; i < N; ++i) out[i] = render_label(label, values[i]);
  return out;
}

constexpr std::string_view kConnectionStates[] = {"idle", "active"};
constexpr std::string_view kStreamConnections[] = {"new", "reused"};
constexpr std::string_view kSides[] = {"client", "upstream"};
enum class Zeros : bool { left_out, shown };

// Sums and writes one table, family after family.
template <class Block>
class TableWriter {
 public:
  using Blocks = const BlockTable<Block>& (Shard::*)() const;
  TableWriter(const Registry& registry, Table table, Blocks blocks, TextPage& page)
      : registry_(registry), names_(registry.names(table)), blocks_(blocks), page_(page) {}

  // One sample for each name that a worker used: the sum of read(block).
  template <class Read>
  void sums(Family family, std::string_view label, Read read) {
    page_.family(family);
    names_.each([&](uint32_t id, std::string_view labels) {
      uint64_t total = 0;
      if (each_block(id, [&](const Block& block) { total += read(block); })) {
        page_.sample({labels, label}, total);
      }
    });
  }

  // One sample for each name and index i: the sum of read(block, i). Counters that are still 0 are
  // left out: most routes see two of the 48 combinations of method and class.
  template <size_t N, class Read>
  void sums_by(Family family, const std::array<std::string, N>& label, Read read,
               Zeros zeros = Zeros::left_out) {
    page_.family(family);
    names_.each([&](uint32_t id, std::string_view labels) {
      uint64_t totals[N] = {};
      bool used = each_block(id, [&](const Block& block) {
        for (size_t i = 0; i < N; ++i) totals[i] += read(block, i);
      });
      bool shown = used && zeros == Zeros::shown;
      for (size_t i = 0; i < N; ++i) {
        if (shown || totals[i] > 0) page_.sample({labels, label[i]}, totals[i]);
      }
    });
  }

  void durations(Family family, const Histogram Block::*histogram) {
    page_.family(family);
    names_.each([&](uint32_t id, std::string_view labels) {
      HistogramTotals totals;
      if (each_block(id, [&](const Block& block) { totals.add(block.*histogram); })) {
        page_.duration(labels, totals);
      }
    });
  }

  // 1 when read(block) is not 0 for any worker that used the name.
  template <class Read>
  void all(Family family, Read read) {
    page_.family(family);
    names_.each([&](uint32_t id, std::string_view labels) {
      bool every = true;
      if (each_block(id, [&](const Block& block) { every = every && read(block) > 0; })) {
        page_.sample({labels}, uint64_t{every});
      }
    });
  }

 private:
  // gives: whether any worker used the id
  template <class Visit>
  bool each_block(uint32_t id, Visit visit) const {
    bool any = false;
    for (const auto& shard : registry_.shards()) {
      const Block* block = (*shard.*blocks_)().find(id);
      if (block == nullptr) continue;
      any = true;
      visit(*block);
    }
    return any;
  }

  const Registry& registry_;
  const SeriesNames& names_;
  Blocks blocks_;
  TextPage& page_;
};

std::array<std::string, kMethods * kClasses> method_and_class() {
  std::array<std::string, kMethods * kClasses> out;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = render_label("method", kMethodLabels[i / kClasses]) + ',' +
             render_label("code", kClassLabels[i % kClasses]);
  }
  return out;
}

void write_routes(const Registry& registry, TextPage& page) {
  TableWriter<RouteMetrics> routes(registry, Table::route, &Shard::routes, page);
  routes.sums_by(Family::requests, method_and_class(), [](const RouteMetrics& route, size_t i) {
    return route.requests[i / kClasses][i % kClasses].value();
  });
  routes.durations(Family::request_seconds, &RouteMetrics::duration);
  routes.sums(Family::request_bytes, "",
              [](const RouteMetrics& route) { return route.request_bytes.value(); });
  routes.sums(Family::response_bytes, "",
              [](const RouteMetrics& route) { return route.response_bytes.value(); });
  routes.sums(Family::shadow_refusals, "",
              [](const RouteMetrics& route) { return route.shadow_refusals.value(); });
  routes.sums(Family::tunnels, "", [](const RouteMetrics& route) { return route.tunnels.value(); });
  routes.sums_by(Family::tunnel_bytes, render_all("from", kSides), [](const RouteMetrics& route, size_t i) {
    return i == 0 ? route.tunnel_client_bytes.value() : route.tunnel_upstream_bytes.value();
  });
}

// "service" and "method" of "package.Service/Method".
std::string grpc_labels(std::string_view name) {
  size_t slash = name.find('/');
  if (slash == std::string_view::npos) return render_label("service", "other") + ',' + render_label("method", "other");
  return render_label("service", name.substr(0, slash)) + ',' + render_label("method", name.substr(slash + 1));
}

void write_grpc(const Registry& registry, TextPage& page) {
  const auto codes = render_all("code", kGrpcCodeLabels);
  page.family(Family::grpc_requests);
  registry.names(Table::route).each([&](uint32_t id, std::string_view labels) {
    std::map<std::string, std::array<uint64_t, kGrpcCodes>, std::less<>> totals;   // by method
    for (const auto& shard : registry.shards()) {
      const GrpcRouteMetrics* route = shard->grpc_routes().find(id);
      if (route == nullptr) continue;
      route->each([&](std::string_view method, const GrpcRouteMetrics::Codes& counts) {
        auto& total = totals[std::string(method)];
        for (size_t i = 0; i < kGrpcCodes; ++i) total[i] += counts[i].value();
      });
    }
    for (const auto& [method, total] : totals) {
      std::string named = std::string(labels) + ',' + grpc_labels(method);
      for (size_t i = 0; i < kGrpcCodes; ++i) {
        if (total[i] > 0) page.sample({named, codes[i]}, total[i]);
      }
    }
  });
}

void write_listeners(const Registry& registry, TextPage& page) {
  TableWriter<ListenerMetrics> listeners(registry, Table::listener, &Shard::listeners, page);
  listeners.sums(Family::connections, "",
                 [](const ListenerMetrics& listener) { return listener.connections.value(); });
  listeners.sums(Family::connections_accepted, "",
                 [](const ListenerMetrics& listener) { return listener.accepted.value(); });
  listeners.sums_by(
      Family::connections_refused, render_all("reason", kRefusalLabels),
      [](const ListenerMetrics& listener, size_t i) { return listener.refused[i].value(); });
  listeners.sums(Family::connections_shed, "",
                 [](const ListenerMetrics& listener) { return listener.shed.value(); });
  listeners.sums(Family::accept_pauses, "",
                 [](const ListenerMetrics& listener) { return listener.pauses.value(); });
  listeners.sums_by(
      Family::h2_abuses, render_all("limit", http::kH2AbuseLabels),
      [](const ListenerMetrics& listener, size_t i) { return listener.h2_abuses[i].value(); });
}

void write_upstreams(const Registry& registry, TextPage& page) {
  TableWriter<UpstreamMetrics> upstreams(registry, Table::upstream, &Shard::upstreams, page);
  upstreams.sums_by(Family::upstream_requests, render_all("code", kClassLabels),
                    [](const UpstreamMetrics& up, size_t i) { return up.requests[i].value(); });
  upstreams.sums(Family::upstream_in_flight, "",
                 [](const UpstreamMetrics& up) { return up.in_flight.value(); });
  upstreams.sums_by(
      Family::upstream_connections, render_all("state", kConnectionStates),
      [](const UpstreamMetrics& up, size_t i) {
        return i == 0 ? up.connections_idle.value() : up.connections_active.value();
      },
      Zeros::shown);
  upstreams.sums(Family::upstream_connects, "",
                 [](const UpstreamMetrics& up) { return up.connects.value(); });
  upstreams.sums_by(
      Family::upstream_connect_failures, render_all("reason", kConnectFailureLabels),
      [](const UpstreamMetrics& up, size_t i) { return up.connect_failures[i].value(); });
  upstreams.sums_by(
      Family::upstream_streams, render_all("connection", kStreamConnections),
      [](const UpstreamMetrics& up, size_t i) {
        return i == 0 ? up.streams_new.value() : up.streams_reused.value();
      },
      Zeros::shown);
  upstreams.durations(Family::upstream_response_seconds, &UpstreamMetrics::response);
  upstreams.sums(Family::upstream_retries, "",
                 [](const UpstreamMetrics& up) { return up.retries.value(); });
  TableWriter<EndpointMetrics> endpoints(registry, Table::endpoint, &Shard::endpoints, page);
  endpoints.all(Family::upstream_endpoint_up,
                [](const EndpointMetrics& endpoint) { return endpoint.up.value(); });
}

void write_redis(const Registry& registry, TextPage& page) {
  TableWriter<StoreCounters> redis(registry, Table::redis, &Shard::redis, page);
  redis.all(Family::redis_up, [](const StoreCounters& store) { return store.away.value() == 0 ? 1 : 0; });
  redis.sums(Family::redis_commands, "", [](const StoreCounters& store) { return store.commands.value(); });
  redis.sums_by(Family::redis_failures, render_all("reason", kStoreFailureLabels),
                [](const StoreCounters& store, size_t i) { return store.failures[i].value(); });
  redis.sums(Family::redis_connects, "", [](const StoreCounters& store) { return store.connects.value(); });
  redis.sums(Family::redis_queue, "", [](const StoreCounters& store) { return store.queued.value(); });
  redis.durations(Family::redis_seconds, &StoreCounters::latency);
}

void write_statuses(const Registry& registry, TextPage& page) {
  page.family(Family::responses);
  for (uint16_t status = Shard::kStatusFirst; status <= Shard::kStatusLast; ++status) {
    uint64_t total = 0;
    for (const auto& shard : registry.shards()) {
      total += shard->statuses[status - Shard::kStatusFirst].value();
    }
    if (total > 0) page.sample({"status=\"" + std::to_string(status) + '"'}, total);
  }
}

void write_problems(const Registry& registry, TextPage& page) {
  std::map<std::string_view, uint64_t> totals;
  for (const auto& shard : registry.shards()) {
    shard->problems.each([&](std::string_view code, uint64_t count) { totals[code] += count; });
  }
  page.family(Family::problems);
  for (const auto& [code, count] : totals) page.sample({render_label("code", code)}, count);
}

void write_limits(const Registry& registry, TextPage& page) {
  TableWriter<LimitMetrics> limits(registry, Table::limit, &Shard::limits, page);
  limits.sums_by(Family::limit_requests, render_all("result", kLimitResultLabels),
                 [](const LimitMetrics& limit, size_t i) { return limit.results[i].value(); });
}

void write_handshakes(const Registry& registry, TextPage& page) {
  constexpr size_t kHows = std::size(kHandshakeLabels);
  std::array<uint64_t, kTlsVersions * kHows> handshakes{};
  std::array<uint64_t, kHandshakeFailures> failures{};
  for (const auto& shard : registry.shards()) {
    for (size_t i = 0; i < handshakes.size(); ++i) {
      handshakes[i] += shard->handshakes[i / kHows][i % kHows].value();
    }
    for (size_t i = 0; i < failures.size(); ++i) {
      failures[i] += shard->handshake_failures[i].value();
    }
  }
  page.family(Family::tls_handshakes);
  for (size_t i = 0; i < handshakes.size(); ++i) {
    if (i / kHows == kTlsVersions - 1 && handshakes[i] == 0) continue;   // "other": there is none
    page.sample({render_label("version", kTlsVersionLabels[i / kHows]),
                 render_label("result", kHandshakeLabels[i % kHows])},
                handshakes[i]);
  }
  page.family(Family::tls_handshake_failures);
  for (size_t i = 0; i < failures.size(); ++i) {
    page.sample({render_label("reason", kHandshakeFailureLabels[i])}, failures[i]);
  }
}

void write_tunnel_ends(const Registry& registry, TextPage& page) {
  page.family(Family::tunnel_ends);
  for (size_t i = 0; i < kTunnelEnds; ++i) {
    uint64_t total = 0;
    for (const auto& shard : registry.shards()) total += shard->tunnel_ends[i].value();
    page.sample({render_label("reason", kTunnelEndLabels[i])}, total);
  }
}

void write_workers(const Registry& registry, TextPage& page) {
  HistogramTotals overhead;
  uint64_t stalls = 0;
  uint64_t spliced = 0;
  for (const auto& shard : registry.shards()) {
    overhead.add(shard->overhead);
    stalls += shard->loop_stalls.value();
    spliced += shard->spliced_bytes.value();
  }
  page.family(Family::gateway_overhead);
  page.duration("", overhead);
  page.family(Family::loop_stalls);
  page.sample({}, stalls);
  page.family(Family::spliced_bytes);
  page.sample({}, spliced);
}

void write_dropped(const Registry& registry, TextPage& page) {
  page.family(Family::names_dropped);
  for (size_t i = 0; i < kTables; ++i) {
    uint64_t dropped = registry.names(static_cast<Table>(i)).dropped();
    page.sample({render_label("label", kTableLabels[i])}, dropped);
  }
}

}  // namespace

void write_services(const ServiceCounts& services, TextPage& page) {
  page.family(Family::service_questions);
  for (const auto& [name, counts] : services) {
    for (size_t i = 0; i < kServiceOutcomes; ++i)
      page.sample({render_label("service", name), render_label("outcome", kServiceOutcomeLabels[i])}, counts->count_of(i));
  }
  page.family(Family::service_seconds);
  for (const auto& [name, counts] : services) {
    HistogramTotals totals;
    totals.add(counts->seconds());
    page.duration(render_label("service", name), totals);
  }
  page.family(Family::service_connections);
  for (const auto& [name, counts] : services) page.sample({render_label("service", name)}, counts->connections());
}

void write_tables(const Registry& registry, TextPage& page) {
  write_routes(registry, page);
  write_grpc(registry, page);
  write_statuses(registry, page);
  write_listeners(registry, page);
  write_upstreams(registry, page);
  write_redis(registry, page);
  write_problems(registry, page);
  write_limits(registry, page);
  write_handshakes(registry, page);
  write_tunnel_ends(registry, page);
  write_workers(registry, page);
  write_dropped(registry, page);
}

}  // namespace sluice::observe
