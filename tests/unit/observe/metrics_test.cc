#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::observe {
namespace {

TEST(Metrics, methods_and_statuses_map_to_bounded_labels) {
  const struct {
    http::Method method;
    std::string_view label;
  } methods[] = {{http::Method::get, "GET"},         {http::Method::head, "HEAD"},
                 {http::Method::post, "POST"},       {http::Method::put, "PUT"},
                 {http::Method::delete_, "DELETE"},  {http::Method::patch, "PATCH"},
                 {http::Method::options, "OPTIONS"}, {http::Method::trace, "other"},
                 {http::Method::purge, "other"},     {http::Method::unknown, "other"}};
  for (const auto& row : methods) EXPECT_EQ(kMethodLabels[method_index(row.method)], row.label);
  const struct {
    uint16_t status;
    std::string_view label;
  } statuses[] = {{0, "none"},  {99, "none"}, {101, "1xx"},  {200, "2xx"},   {308, "3xx"},
                  {404, "4xx"}, {599, "5xx"}, {600, "none"}, {65535, "none"}};
  for (const auto& row : statuses) EXPECT_EQ(kClassLabels[class_index(row.status)], row.label);
}

TEST(Metrics, connect_failures_have_a_reason_each) {
  const struct {
    Code code;
    std::string_view label;
  } rows[] = {{Code::connect_refused, "refused"}, {Code::connect_timeout, "timeout"},
              {Code::timeout, "timeout"},         {Code::resolve_failed, "resolve"},
              {Code::tls_failed, "tls"},          {Code::reset, "other"},
              {Code::overloaded, "overloaded"},   {Code::connect_failed, "other"}};
  UpstreamMetrics upstream;
  for (const auto& row : rows) {
    size_t index = static_cast<size_t>(connect_failure_from(row.code));
    EXPECT_EQ(kConnectFailureLabels[index], row.label);
    uint64_t before = upstream.connect_failures[index].value();
    upstream.connect_failure(row.code).add();
    EXPECT_EQ(upstream.connect_failures[index].value(), before + 1);
  }
}

TEST(Metrics, a_request_is_counted_in_every_place) {
  auto shard = std::make_unique<Shard>();
  shard->request({.route = 7,
                  .method = http::Method::post,
                  .status = 201,
                  .request_bytes = 10,
                  .response_bytes = 20,
                  .total = std::chrono::milliseconds{3},
                  .own = std::chrono::microseconds{30}});
  const RouteMetrics* route = shard->routes().find(7);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->requests[method_index(http::Method::post)][2].value(), 1U);
  EXPECT_EQ(route->request_bytes.value(), 10U);
  EXPECT_EQ(route->response_bytes.value(), 20U);
  EXPECT_EQ(route->duration.sum_ns(), 3'000'000U);
  EXPECT_EQ(shard->overhead.sum_ns(), 30'000U);
  EXPECT_EQ(shard->statuses[201 - Shard::kStatusFirst].value(), 1U);
  EXPECT_EQ(shard->routes().find(8), nullptr);
}

TEST(Metrics, problems_are_counted_by_their_constant) {
  static constexpr http::Problem kOne{404, "no_route", "", ""};
  static constexpr http::Problem kTwo{502, "upstream_reset", "", ""};
  ProblemCounts counts;
  counts.count(kOne);
  counts.count(kTwo);
  counts.count(kOne);
  std::map<std::string, uint64_t> seen;
  counts.each([&](std::string_view code, uint64_t count) { seen[std::string(code)] += count; });
  EXPECT_EQ(seen, (std::map<std::string, uint64_t>{{"no_route", 2}, {"upstream_reset", 1}}));
}

TEST(Metrics, more_problems_than_places_lose_no_count) {
  static const std::vector<http::Problem> kMany(1000, http::Problem{400, "many", "", ""});
  ProblemCounts counts;
  for (const http::Problem& problem : kMany) counts.count(problem);
  uint64_t total = 0;
  counts.each([&](std::string_view, uint64_t count) { total += count; });
  EXPECT_EQ(total, 1000U);
}

TEST(Metrics, failed_handshakes_have_a_reason_each) {
  const struct {
    Error why;
    HandshakeFailure reason;
  } rows[] = {
      {{.code = Code::timeout, .what = "no handshake in time"}, HandshakeFailure::timeout},
      {{.code = Code::closed, .what = "closed in the handshake"}, HandshakeFailure::closed},
      {{.code = Code::reset, .what = ""}, HandshakeFailure::closed},
      {{.code = Code::tls_failed, .what = "closed during the handshake"}, HandshakeFailure::closed},
      {{.code = Code::tls_failed, .what = "http request"}, HandshakeFailure::not_tls},
      {{.code = Code::tls_failed, .what = "unsupported protocol"}, HandshakeFailure::version},
      {{.code = Code::tls_failed, .what = "no shared cipher"}, HandshakeFailure::cipher},
      {{.code = Code::tls_failed, .what = "peer did not return a certificate"},
       HandshakeFailure::certificate},
      {{.code = Code::tls_failed, .what = "certificate has expired"},
       HandshakeFailure::certificate},
      {{.code = Code::tls_failed, .what = "length mismatch"}, HandshakeFailure::other},
  };
  for (const auto& row : rows)
    EXPECT_EQ(handshake_failure_from(row.why), row.reason) << row.why.what;
}

}  // namespace
}  // namespace sluice::observe
