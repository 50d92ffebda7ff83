// What one worker counts: plain counters by index, nothing looked up by name. A Shard has one
// writer; the scrape sums the shards of all workers (observe/registry.h, observe/tables.cc).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/counter.h"
#include "base/error.h"
#include "base/store_counters.h"
#include "http/h2_abuse.h"
#include "http/problem.h"
#include "http/token.h"
#include "observe/block_table.h"
#include "observe/grpc_metrics.h"
#include "observe/histogram.h"
#include "observe/problem_counts.h"

namespace sluice::observe {

/// Ids that every table has: what found no room under the cap. And the route of what was never
/// routed.
inline constexpr uint32_t kOther = 0;
inline constexpr uint32_t kUnrouted = 1;

/// Methods as a label: a bounded list, whatever the client sends.
inline constexpr std::string_view kMethodLabels[] = {"GET",   "HEAD",    "POST", "PUT", "DELETE",
                                                     "PATCH", "OPTIONS", "other"};
inline constexpr size_t kMethods = std::size(kMethodLabels);
constexpr size_t method_index(http::Method method) {
  auto index = static_cast<size_t>(method) - 1;   // unknown wraps round to "other"
  return index < kMethods - 1 ? index : kMethods - 1;
}

/// Status codes as a label: the class; "none" when no response was begun.
inline constexpr std::string_view kClassLabels[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
inline constexpr size_t kClasses = std::size(kClassLabels);
constexpr size_t class_index(uint16_t status) {
  size_t index = status / 100U;
  return index < kClasses ? index : 0;
}

enum class ConnectFailure : uint8_t { refused, timeout, resolve, tls, overloaded, other };
inline constexpr std::string_view kConnectFailureLabels[] = {"refused", "timeout",    "resolve",
                                                             "tls",     "overloaded", "other"};
inline constexpr size_t kConnectFailures = std::size(kConnectFailureLabels);
constexpr ConnectFailure connect_failure_from(Code code) {
  switch (code) {
    case Code::connect_refused: return ConnectFailure::refused;
    case Code::connect_timeout:
    case Code::timeout: return ConnectFailure::timeout;
    case Code::resolve_failed: return ConnectFailure::resolve;
    case Code::tls_failed: return ConnectFailure::tls;
    case Code::overloaded: return ConnectFailure::overloaded;
    default: return ConnectFailure::other;
  }
}

/// Handshakes that succeeded: by version, then full or resumed.
inline constexpr std::string_view kTlsVersionLabels[] = {"TLSv1.2", "TLSv1.3", "other"};
inline constexpr size_t kTlsVersions = std::size(kTlsVersionLabels);
inline constexpr std::string_view kHandshakeLabels[] = {"full", "resumed"};
enum class Handshake : uint8_t { full, resumed };
constexpr size_t tls_version_index(std::string_view version) {
  for (size_t i = 0; i + 1 < kTlsVersions; ++i) {
    if (version == kTlsVersionLabels[i]) return i;
  }
  return kTlsVersions - 1;
}

/// Why handshakes fail, from the words of the library (static text): a bounded list.
enum class HandshakeFailure : uint8_t {
  version, cipher, certificate, client_certificate, timeout, closed, not_tls, other,
};
inline constexpr std::string_view kHandshakeFailureLabels[] = {
    "version", "cipher", "certificate", "client_certificate", "timeout", "closed", "not_tls", "other"};
inline constexpr size_t kHandshakeFailures = std::size(kHandshakeFailureLabels);
HandshakeFailure handshake_failure_from(const Error& why);

/// Why a socket ended: a bounded list, in the access log too.
enum class TunnelEnd : uint8_t {
  client, upstream,               // it closed first, orderly
  client_lost, upstream_lost,     // its connection failed
  slow,                           // it took nothing for too long
  idle, expired, revoked, route_changed, drained, memory,
  operator_,                      // closed over the control socket
  client_protocol, upstream_protocol,   // it broke RFC 6455
  message_size, message_rate, message_type,
  no_pong,
};
inline constexpr std::string_view kTunnelEndLabels[] = {"client",  "upstream", "client_lost", "upstream_lost",
                                                        "slow",    "idle",     "expired",     "revoked",
                                                        "route_changed", "drained", "memory", "operator",
                                                        "client_protocol", "upstream_protocol", "message_size",
                                                        "message_rate", "message_type", "no_pong"};
inline constexpr size_t kTunnelEnds = std::size(kTunnelEndLabels);

struct alignas(64) RouteMetrics {
  std::array<std::array<Counter, kClasses>, kMethods> requests;
  Counter request_bytes;     // of bodies
  Counter response_bytes;
  Counter shadow_refusals;   // by `allow` in shadow mode
  Counter tunnels;           // gauge: sockets open now
  Counter tunnel_client_bytes;     // from clients
  Counter tunnel_upstream_bytes;   // from upstreams
  Histogram duration;        // first byte of the request's head to last byte of the response
};

struct alignas(64) UpstreamMetrics {
  std::array<Counter, kClasses> requests;
  Counter connections_idle;     // gauges: set, or add and sub, by the pool
  Counter connections_active;
  Counter connects;             // tried
  std::array<Counter, kConnectFailures> connect_failures;
  Counter retries;
  Counter in_flight;            // gauge
  Counter streams_new;          // requests that got a connection of their own making
  Counter streams_reused;       // or one from the pool
  Histogram response;           // head sent to response head received

  Counter& connect_failure(Code code) {
    return connect_failures[static_cast<size_t>(connect_failure_from(code))];
  }
};

struct EndpointMetrics {
  Counter up;   // gauge: 1 while this worker would send to it, 0 while it is set aside
};

/// Why a client's connection was not served, in the order of server::Refusal from its second value on.
inline constexpr std::string_view kRefusalLabels[] = {"connections", "per_ip", "memory", "descriptors", "ips"};
inline constexpr size_t kRefusals = std::size(kRefusalLabels);

struct ListenerMetrics {
  Counter connections;   // gauge: open now
  Counter accepted;
  std::array<Counter, kRefusals> refused;
  Counter shed;          // reset because memory was short and their clients slow
  Counter pauses;        // times that accepting stopped for want of descriptors
  std::array<Counter, http::kH2Abuses> h2_abuses;   // connections closed for them
};

/// What a limit said.
enum class LimitResult : uint8_t {
  allowed, limited,
  shadowed,   // would have been refused, were it not in shadow mode
  counted,    // a refused credential
  fallback,   // its store was away: decided without it
};
inline constexpr std::string_view kLimitResultLabels[] = {"allowed", "limited", "shadowed", "counted",
                                                            "fallback"};
inline constexpr size_t kLimitResults = std::size(kLimitResultLabels);

struct LimitMetrics {
  std::array<Counter, kLimitResults> results;
};

/// What is known when a request has ended.
struct RequestFacts {
  uint32_t route = kUnrouted;
  http::Method method = http::Method::unknown;
  uint16_t status = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  Duration total{};
  Duration own{};     // total less the time spent waiting for the upstream and for the client
};

/// The counters of one worker. Every function but the const ones belongs to that worker.
class Shard {
 public:
  RouteMetrics& route(uint32_t id) { return routes_.at(id); }
  UpstreamMetrics& upstream(uint32_t id) { return upstreams_.at(id); }
  EndpointMetrics& endpoint(uint32_t id) { return endpoints_.at(id); }
  GrpcRouteMetrics& grpc(uint32_t route) { return grpc_.at(route); }
  ListenerMetrics& listener(uint32_t id) { return listeners_.at(id); }
  void limit(uint32_t id, LimitResult result) { limits_.at(id).results[static_cast<size_t>(result)].add(); }
  StoreCounters& redis(uint32_t id) { return redis_.at(id); }

  /// Counts a request that has ended. cost: about 20 ns
  void request(const RequestFacts& facts) {
    RouteMetrics& route = routes_.at(facts.route);
    route.requests[method_index(facts.method)][class_index(facts.status)].add();
    route.request_bytes.add(facts.request_bytes);
    route.response_bytes.add(facts.response_bytes);
    route.duration.record(facts.total);
    overhead.record(facts.own);
    if (facts.status >= kStatusFirst && facts.status <= kStatusLast) {
      statuses[facts.status - kStatusFirst].add();
    }
  }
  /// Counts a request that was answered with it, or broken off because of it. needs: `problem` has static storage
  void problem(const http::Problem& made) { problems.count(made); }
  void handshake(std::string_view version, Handshake how) {
    handshakes[tls_version_index(version)][static_cast<size_t>(how)].add();
  }
  void handshake_failed(const Error& why) {
    handshake_failures[static_cast<size_t>(handshake_failure_from(why))].add();
  }

  const BlockTable<RouteMetrics>& routes() const { return routes_; }
  /// Of the routes that had a gRPC call.
  const BlockTable<GrpcRouteMetrics>& grpc_routes() const { return grpc_; }
  const BlockTable<UpstreamMetrics>& upstreams() const { return upstreams_; }
  const BlockTable<EndpointMetrics>& endpoints() const { return endpoints_; }
  const BlockTable<ListenerMetrics>& listeners() const { return listeners_; }
  const BlockTable<LimitMetrics>& limits() const { return limits_; }
  const BlockTable<StoreCounters>& redis() const { return redis_; }

  static constexpr uint16_t kStatusFirst = 100;
  static constexpr uint16_t kStatusLast = 599;
  std::array<Counter, kStatusLast - kStatusFirst + 1> statuses;
  std::array<std::array<Counter, std::size(kHandshakeLabels)>, kTlsVersions> handshakes;
  std::array<Counter, kHandshakeFailures> handshake_failures;
  std::array<Counter, kTunnelEnds> tunnel_ends;
  Histogram overhead;
  Counter loop_stalls;
  Counter spliced_bytes;
  ProblemCounts problems;

 private:
  friend class Registry;   // drops the blocks of names that are gone
  BlockTable<RouteMetrics> routes_;
  BlockTable<GrpcRouteMetrics> grpc_;
  BlockTable<UpstreamMetrics> upstreams_;
  BlockTable<EndpointMetrics> endpoints_;
  BlockTable<ListenerMetrics> listeners_;
  BlockTable<LimitMetrics> limits_;
  BlockTable<StoreCounters> redis_;
};

}  // namespace sluice::observe
