// Every metric that Sluice has: name, type, labels, help. The page of /metrics and docs/metrics.md
// are both made from this list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::observe {

enum class MetricType : uint8_t { counter, gauge, histogram, info };

enum class Family : uint8_t {
  requests, grpc_requests, responses, request_seconds, gateway_overhead, request_bytes, response_bytes,
  connections, connections_accepted, connections_refused, connections_shed, accept_pauses,
  h2_abuses,
  upstream_requests, upstream_in_flight, upstream_connections, upstream_connects,
  upstream_connect_failures, upstream_streams, upstream_response_seconds, upstream_retries,
  upstream_endpoint_up, health_up, health_checks, health_seconds,
  redis_up, redis_commands, redis_failures, redis_connects, redis_queue, redis_seconds,
  tunnels, tunnel_bytes, tunnel_ends,
  service_questions, service_seconds, service_connections,
  problems, shadow_refusals, limit_requests, limit_forgotten, tls_handshakes, tls_handshake_failures,
  tls_expiry, tls_reloads, tls_reload_failures, key_fetches,
  key_fetch_failures, keys, keys_fetched, loop_stalls, spliced_bytes,
  names_dropped,
  log_lines, log_lines_dropped, log_failures, log_lines_suppressed, audit_records, audit_head,
  build_info, config_hash, reloads, reload_success, reload_time, traffic_memory,
  traffic_memory_limit, connections_limit,
  process_cpu, process_memory, process_virtual_memory, process_threads, process_open_fds,
  process_max_fds, process_start_time,
};
inline constexpr size_t kFamilies = static_cast<size_t>(Family::process_start_time) + 1;

struct FamilyFacts {
  std::string_view name;
  MetricType type;
  std::string_view labels;   // for the reference: "route, method, code"
  std::string_view help;     // one line without backslash: prometheus-cpp does not escape it
};

const FamilyFacts& family_facts(Family family);
std::string_view metric_type_name(MetricType type);

/// The table of docs/metrics.md, in Markdown.
std::string metrics_reference();

}  // namespace sluice::observe
