#include "observe/grpc_metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "observe/exposition.h"

namespace sluice::observe {
namespace {

constexpr uint8_t kOk = 0, kNotFound = 5, kUnimplemented = 12;

std::map<std::string, uint64_t> totals(const GrpcRouteMetrics& metrics) {
  std::map<std::string, uint64_t> out;
  metrics.each([&](std::string_view method, const GrpcRouteMetrics::Codes& codes) {
    for (const Counter& code : codes) out[std::string(method)] += code.value();
  });
  return out;
}

TEST(GrpcMetrics, clients_cannot_make_series) {
  GrpcRouteMetrics metrics;
  for (int i = 0; i < 1000; ++i) metrics.count("no.Service/M" + std::to_string(i), kUnimplemented, false);
  metrics.count("", kOk, true);
  metrics.count(std::string(kGrpcMethodBytesMax + 1, 'a'), kOk, true);
  EXPECT_EQ(totals(metrics), (std::map<std::string, uint64_t>{{"", 1002}}));
  metrics.count("a.B/C", kOk, true);
  metrics.count("a.B/C", kUnimplemented, false);   // from now on it is known
  EXPECT_EQ(totals(metrics), (std::map<std::string, uint64_t>{{"", 1002}, {"a.B/C", 2}}));
}

TEST(GrpcMetrics, a_route_has_so_many_methods_and_no_more) {
  GrpcRouteMetrics metrics;
  for (size_t round = 0; round < 2; ++round) {
    for (size_t i = 0; i < kGrpcMethodsMax + 10; ++i) metrics.count("a.B/M" + std::to_string(i), kOk, true);
  }
  auto seen = totals(metrics);
  EXPECT_EQ(seen.size(), kGrpcMethodsMax + 1);
  EXPECT_EQ(seen[""], 20U);
  EXPECT_EQ(seen["a.B/M0"], 2U);
}

TEST(GrpcMetrics, the_page_sums_workers_and_names_codes) {
  Registry registry(2);
  uint32_t route = registry.acquire(Table::route, "orders");
  registry.shard(0).grpc(route).count("shop.Orders/Get", kOk, true);
  registry.shard(1).grpc(route).count("shop.Orders/Get", kOk, true);
  registry.shard(1).grpc(route).count("shop.Orders/Get", kNotFound, true);
  registry.shard(1).grpc(route).count("shop.Orders/\"No", kUnimplemented, false);
  registry.shard(1).grpc(kUnrouted).count("x.Y/Z", kNoGrpcStatus, false);
  std::string page = expose(registry, {});
  std::string get = R"(sluice_grpc_requests_total{route="orders",service="shop.Orders",method="Get",code=)";
  for (const std::string& line :
       {get + "\"OK\"} 2\n", get + "\"NOT_FOUND\"} 1\n",
        std::string(R"(sluice_grpc_requests_total{route="orders",service="other",method="other",code="UNIMPLEMENTED"} 1)"),
        std::string(R"(sluice_grpc_requests_total{route="-",service="other",method="other",code="none"} 1)")}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << "\n" << page;
  }
  registry.release(Table::route, route);
  EXPECT_EQ(expose(registry, {}).find("shop.Orders"), std::string::npos);
}

}  // namespace
}  // namespace sluice::observe
