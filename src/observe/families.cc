#include "observe/families.h"

namespace sluice::observe {
namespace {

using enum MetricType;

constexpr FamilyFacts kFacts[] = {
    {"sluice_http_requests_total", counter, "route, method, code",
     "Requests that have ended, by class of status; none: no response was begun."},
    {"sluice_grpc_requests_total", counter, "route, service, method, code",
     "gRPC calls that have ended, by gRPC's status; none: no status came. other: methods that no server has shown to exist, and those beyond 64 of a route."},
    {"sluice_http_responses_total", counter, "status", "Responses by exact status."},
    {"sluice_http_request_duration_seconds", histogram, "route",
     "From the first byte of a request to the last byte of its response."},
    {"sluice_gateway_overhead_seconds", histogram, "",
     "What the gateway itself adds to a request, without waiting for upstream or client."},
    {"sluice_http_request_bytes_total", counter, "route", "Body bytes received from clients."},
    {"sluice_http_response_bytes_total", counter, "route", "Body bytes sent to clients."},
    {"sluice_connections", gauge, "listener", "Client connections open now."},
    {"sluice_connections_accepted_total", counter, "listener", "Client connections accepted."},
    {"sluice_connections_refused_total", counter, "listener, reason",
     "Client connections told 503 or closed at once, by the limit that was reached."},
    {"sluice_connections_shed_total", counter, "listener",
     "Connections of slow clients reset because memory_max was reached."},
    {"sluice_accept_pauses_total", counter, "listener",
     "Times that accepting stopped for want of file descriptors."},
    {"sluice_http2_abuses_total", counter, "listener, limit",
     "HTTP/2 connections closed with ENHANCE_YOUR_CALM, by the limit that the client went beyond."},
    {"sluice_upstream_requests_total", counter, "upstream, code",
     "Requests sent to an upstream, by class of status; none: no response came."},
    {"sluice_upstream_requests_in_flight", gauge, "upstream",
     "Requests that an upstream is working on now, or waits to get."},
    {"sluice_upstream_connections", gauge, "upstream, state",
     "Connections to an upstream, idle in the pool or active."},
    {"sluice_upstream_connect_total", counter, "upstream", "Connections tried to an upstream."},
    {"sluice_upstream_connect_failures_total", counter, "upstream, reason",
     "Connections to an upstream that could not be made."},
    {"sluice_upstream_streams_total", counter, "upstream, connection",
     "Requests that got a connection to an upstream: a new one, or one reused from the pool."},
    {"sluice_upstream_response_seconds", histogram, "upstream",
     "From the request head sent to the response head received."},
    {"sluice_upstream_retries_total", counter, "upstream", "Requests sent a second time."},
    {"sluice_upstream_endpoint_up", gauge, "upstream, endpoint",
     "1 while every worker would send to the endpoint, 0 while one has set it aside or health checks find it down."},
    {"sluice_upstream_endpoint_healthy", gauge, "upstream, endpoint",
     "1 while health checks find the endpoint up, 0 while down; of upstreams that have them."},
    {"sluice_upstream_health_checks_total", counter, "upstream, endpoint, result",
     "Health checks of an endpoint, passed or failed."},
    {"sluice_upstream_health_check_seconds", gauge, "upstream, endpoint",
     "How long the last health check of an endpoint took."},
    {"sluice_redis_up", gauge, "redis",
     "1 while every worker sends commands to a Redis, 0 while one has given it up for now."},
    {"sluice_redis_commands_total", counter, "redis", "Commands asked of a Redis."},
    {"sluice_redis_command_failures_total", counter, "redis, reason",
     "Commands that a Redis gave no answer of use to; away and full were never sent."},
    {"sluice_redis_connects_total", counter, "redis", "Connections tried to a Redis."},
    {"sluice_redis_queue", gauge, "redis", "Commands without an answer yet."},
    {"sluice_redis_command_seconds", histogram, "redis", "From a command to its answer."},
    {"sluice_tunnels", gauge, "route", "WebSockets open now."},
    {"sluice_tunnel_bytes_total", counter, "route, from",
     "Bytes that WebSockets carried, frame headers counted, by the side that they came from."},
    {"sluice_tunnels_ended_total", counter, "reason", "WebSockets that ended, by what ended them."},
    {"sluice_service_questions_total", counter, "service, outcome",
     "Questions to services that decide (introspection, authorizers), answers out of a cache left out; unasked: too many were open."},
    {"sluice_service_question_seconds", histogram, "service",
     "From a question to a service that decides to its answer, or to the end of patience."},
    {"sluice_service_connections_total", counter, "service",
     "Connections opened for these questions; one that is kept serves any number of them."},
    {"sluice_problems_total", counter, "code", "Requests that the gateway answered with a problem, or broke off because of one."},
    {"sluice_shadow_refusals_total", counter, "route",
     "Requests that a route's allow would have refused, were it not in shadow mode."},
    {"sluice_limit_requests_total", counter, "limit, result",
     "Requests that a limit let through or refused (shadowed: would have), refused credentials that "
     "it counted, and decisions without its store (fallback)."},
    {"sluice_limit_keys_forgotten_total", counter, "",
     "Counts of limits given up for new ones although something of them was used: limit_memory_max is "
     "too small for this many keys."},
    {"sluice_tls_handshakes_total", counter, "version, result",
     "TLS handshakes with clients that succeeded, full or resumed from a ticket."},
    {"sluice_tls_handshake_failures_total", counter, "reason",
     "TLS handshakes with clients that failed."},
    {"sluice_tls_certificate_expiry_seconds", gauge, "tls, file",
     "When a certificate, authority or revocation list in use ends, in seconds since 1970."},
    {"sluice_tls_certificate_reloads_total", counter, "tls",
     "Changed certificate files put into use without a restart."},
    {"sluice_tls_certificate_reload_failures_total", counter, "tls",
     "Changed certificate files refused; what was in use stayed."},
    {"sluice_auth_key_fetches_total", counter, "auth",
     "Fetches of an issuer's keys, those that failed too."},
    {"sluice_auth_key_fetch_failures_total", counter, "auth",
     "Fetches of an issuer's keys that failed; the keys in use stayed."},
    {"sluice_auth_keys", gauge, "auth", "Fetched keys of an issuer in use."},
    {"sluice_auth_keys_fetched_timestamp_seconds", gauge, "auth",
     "When an issuer's keys were fetched last, in seconds since 1970; 0: never."},
    {"sluice_loop_stalls_total", counter, "", "Turns of a worker's loop of over 100 ms."},
    {"sluice_spliced_bytes_total", counter, "",
     "Body bytes moved from socket to socket inside the kernel."},
    {"sluice_metrics_names_dropped_total", counter, "label",
     "Names that found no room under the cap and share the series other."},
    {"sluice_log_lines_total", counter, "log", "Lines handed to the writer of a log."},
    {"sluice_log_lines_dropped_total", counter, "log",
     "Lines lost because the disk or reader was too slow or failed."},
    {"sluice_log_failures_total", counter, "log",
     "Times that the file of a log began to refuse lines (disk full)."},
    {"sluice_log_lines_suppressed_total", counter, "",
     "Lines of the error log left out because the same event came too often."},
    {"sluice_audit_sequence", gauge, "", "Number of the newest record in the audit log's file."},
    {"sluice_audit_head_info", info, "sequence, hash",
     "Always 1; the labels name the newest record in the audit log's file: what a cut tail is found against."},
    {"sluice_build_info", info, "version", "Always 1; the label names the version."},
    {"sluice_config_hash_info", info, "hash, files_hash",
     "Always 1; the labels name the configuration in force and the contents of its files."},
    {"sluice_config_reloads_total", counter, "result",
     "Configurations read, the first included: applied, unchanged, or refused."},
    {"sluice_config_last_reload_success", gauge, "",
     "1 if the last reload (or the start) succeeded, 0 if the configuration was refused."},
    {"sluice_config_last_reload_timestamp_seconds", gauge, "",
     "When a configuration was last put in force, since 1970."},
    {"sluice_traffic_memory_bytes", gauge, "",
     "Memory that connections and requests hold: what memory_max bounds."},
    {"sluice_traffic_memory_limit_bytes", gauge, "", "server.memory_max."},
    {"sluice_connections_limit", gauge, "", "server.connections_max, as it is in force."},
    {"process_cpu_seconds_total", counter, "", "User and system CPU time."},
    {"process_resident_memory_bytes", gauge, "", "Resident memory."},
    {"process_virtual_memory_bytes", gauge, "", "Virtual memory."},
    {"process_threads", gauge, "", "Threads."},
    {"process_open_fds", gauge, "", "Open file descriptors."},
    {"process_max_fds", gauge, "", "Most file descriptors that may be open."},
    {"process_start_time_seconds", gauge, "", "Start of the process, since 1970."},
};
static_assert(std::size(kFacts) == kFamilies);

}  // namespace

const FamilyFacts& family_facts(Family family) { return kFacts[static_cast<size_t>(family)]; }

std::string_view metric_type_name(MetricType type) {
  switch (type) {
    case counter: return "counter";
    case gauge: return "gauge";
    case histogram: return "histogram";
    case info: return "info";
  }
  return "untyped";
}

std::string metrics_reference() {
  std::string out = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const FamilyFacts& facts : kFacts) {
    out += "| `";
    out += facts.name;
    out += "` | ";
    out += metric_type_name(facts.type);
    out += " | ";
    out += facts.labels;
    out += " | ";
    out += facts.help;
    out += " |\n";
  }
  return out;
}

}  // namespace sluice::observe
