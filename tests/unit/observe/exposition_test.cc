#include "observe/exposition.h"

#include <gtest/gtest.h>


#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "fakes/cpu_clock.h"
#include "observe/families.h"

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

// Reads the text format strictly: every sample belongs to the family of the TYPE line above it, no
// family comes twice, no sample comes twice. Independent of the code that writes it.
class Page {
 public:
  explicit Page(const std::string& text) {
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
  }
  double value(const std::string& series) const {
    auto found = samples.find(series);
    return found == samples.end() ? -1 : found->second;
  }
  std::map<std::string, double> samples;
  std::set<std::string> families;

 private:
  void read(const std::string& line) {
    if (line.starts_with("# HELP ")) return;
    if (line.starts_with("# TYPE ")) {
      family_ = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family_).second) << "twice: " << family_;
      return;
    }
    EXPECT_TRUE(line.starts_with(family_)) << line;
    size_t space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos) << line;
    size_t read_bytes = 0;
    double number = std::stod(line.substr(space + 1), &read_bytes);
    EXPECT_EQ(read_bytes, line.size() - space - 1) << line;
    EXPECT_TRUE(samples.emplace(line.substr(0, space), number).second) << "twice: " << line;
  }
  std::string family_ = "none";
};

TEST(Exposition, sums_the_shards_of_all_workers) {
  Registry registry(2);
  uint32_t shop = registry.acquire(Table::route, "shop");
  RequestFacts facts{.route = shop,
                     .method = http::Method::get,
                     .status = 200,
                     .request_bytes = 1,
                     .response_bytes = 100,
                     .total = 1500us,
                     .own = 12us};
  registry.shard(0).request(facts);
  registry.shard(1).request(facts);
  facts.status = 404;
  facts.total = 500us;
  registry.shard(1).request(facts);
  Page page(expose(registry, {}));
  const struct {
    const char* series;
    double value;
  } rows[] = {
      {"sluice_http_requests_total{route=\"shop\",method=\"GET\",code=\"2xx\"}", 2},
      {"sluice_http_requests_total{route=\"shop\",method=\"GET\",code=\"4xx\"}", 1},
      {"sluice_http_responses_total{status=\"404\"}", 1},
      {"sluice_http_request_bytes_total{route=\"shop\"}", 3},
      {"sluice_http_response_bytes_total{route=\"shop\"}", 300},
      {"sluice_http_request_duration_seconds_bucket{route=\"shop\",le=\"0.0005\"}", 1},
      {"sluice_http_request_duration_seconds_bucket{route=\"shop\",le=\"0.001\"}", 1},
      {"sluice_http_request_duration_seconds_bucket{route=\"shop\",le=\"0.002\"}", 3},
      {"sluice_http_request_duration_seconds_bucket{route=\"shop\",le=\"60.0\"}", 3},
      {"sluice_http_request_duration_seconds_bucket{route=\"shop\",le=\"+Inf\"}", 3},
      {"sluice_http_request_duration_seconds_count{route=\"shop\"}", 3},
      {"sluice_http_request_duration_seconds_sum{route=\"shop\"}", 0.0035},
      {"sluice_gateway_overhead_seconds_bucket{le=\"1e-05\"}", 0},
      {"sluice_gateway_overhead_seconds_bucket{le=\"2e-05\"}", 3},
      {"sluice_gateway_overhead_seconds_count", 3},
      {"sluice_gateway_overhead_seconds_sum", 0.000036},
      {"sluice_loop_stalls_total", 0},
  };
  for (const auto& row : rows) EXPECT_DOUBLE_EQ(page.value(row.series), row.value) << row.series;
  EXPECT_EQ(page.value("sluice_http_requests_total{route=\"shop\",method=\"GET\",code=\"5xx\"}"),
            -1);
}

TEST(Exposition, shows_upstreams_listeners_and_endpoints) {
  Registry registry(2);
  uint32_t orders = registry.acquire(Table::upstream, "orders");
  uint32_t plain = registry.acquire(Table::listener, "plain");
  uint32_t endpoint = registry.acquire_endpoint("orders", "10.0.0.1:80");
  UpstreamMetrics& upstream = registry.shard(0).upstream(orders);
  upstream.requests[class_index(200)].add(5);
  upstream.connections_idle.add(2);
  upstream.connections_active.add();
  upstream.connections_active.sub();
  upstream.connects.add(3);
  upstream.connect_failure(Code::connect_refused).add();
  upstream.retries.add();
  upstream.response.record(30s);
  registry.shard(0).listener(plain).connections.add(4);
  registry.shard(1).listener(plain).connections.add(1);
  registry.shard(1).listener(plain).accepted.add(9);
  registry.shard(0).endpoint(endpoint).up.set(1);
  registry.shard(1).endpoint(endpoint).up.set(0);
  Page page(expose(registry, {}));
  const struct {
    const char* series;
    double value;
  } rows[] = {
      {"sluice_upstream_requests_total{upstream=\"orders\",code=\"2xx\"}", 5},
      {"sluice_upstream_connections{upstream=\"orders\",state=\"idle\"}", 2},
      {"sluice_upstream_connections{upstream=\"orders\",state=\"active\"}", 0},
      {"sluice_upstream_connect_total{upstream=\"orders\"}", 3},
      {"sluice_upstream_connect_failures_total{upstream=\"orders\",reason=\"refused\"}", 1},
      {"sluice_upstream_retries_total{upstream=\"orders\"}", 1},
      {"sluice_upstream_response_seconds_bucket{upstream=\"orders\",le=\"10.0\"}", 0},
      {"sluice_upstream_response_seconds_bucket{upstream=\"orders\",le=\"30.0\"}", 1},
      {"sluice_upstream_endpoint_up{upstream=\"orders\",endpoint=\"10.0.0.1:80\"}", 0},
      {"sluice_connections{listener=\"plain\"}", 5},
      {"sluice_connections_accepted_total{listener=\"plain\"}", 9},
  };
  for (const auto& row : rows) EXPECT_DOUBLE_EQ(page.value(row.series), row.value) << row.series;
}

TEST(Exposition, shows_redis) {
  Registry registry(3);
  uint32_t main = registry.acquire(Table::redis, "main");
  uint32_t other = registry.acquire(Table::redis, "other");
  registry.shard(0).redis(main).commands.add(3);
  registry.shard(1).redis(main).away.add();
  registry.shard(1).redis(main).failure(StoreFailure::timeout).add(2);
  registry.shard(1).redis(main).latency.record(30ms);
  registry.shard(0).redis(other).queued.add(4);
  Page page(expose(registry, {}));
  const struct {
    const char* series;
    double value;
  } rows[] = {
      {"sluice_redis_up{redis=\"main\"}", 0},
      {"sluice_redis_up{redis=\"other\"}", 1},
      {"sluice_redis_commands_total{redis=\"main\"}", 3},
      {"sluice_redis_command_failures_total{redis=\"main\",reason=\"timeout\"}", 2},
      {"sluice_redis_queue{redis=\"other\"}", 4},
      {"sluice_redis_command_seconds_count{redis=\"main\"}", 1},
  };
  for (const auto& row : rows) EXPECT_DOUBLE_EQ(page.value(row.series), row.value) << row.series;
  registry.release(Table::redis, main);
  EXPECT_EQ(Page(expose(registry, {})).value("sluice_redis_up{redis=\"main\"}"), -1);
}

TEST(Exposition, shows_the_process_and_its_logs) {
  Registry registry(1);
  static constexpr http::Problem kProblem{404, "no_route", "", ""};
  registry.shard(0).problem(kProblem);
  registry.shard(0).handshake("TLSv1.3", Handshake::resumed);
  registry.shard(0).handshake_failed({.code = Code::tls_failed, .what = "no shared cipher"});
  ProcessFacts facts;
  facts.version = "1.2.3";
  facts.config_hash = "ab\"c";
  facts.files_hash = "d";
  facts.reload_succeeded = false;
  facts.reloaded_at_seconds = 1700000000.5;
  facts.logs = {{"access", {10, 1, 2}}};
  facts.log_lines_suppressed = 3;
  facts.usage.resident_bytes = 4096;
  Page page(expose(registry, facts));
  EXPECT_EQ(page.value("sluice_build_info{version=\"1.2.3\"}"), 1);
  EXPECT_EQ(page.value("sluice_config_hash_info{hash=\"ab\\\"c\",files_hash=\"d\"}"), 1);
  EXPECT_EQ(page.value("sluice_config_last_reload_success"), 0);
  EXPECT_EQ(page.value("sluice_config_last_reload_timestamp_seconds"), 1700000000.5);
  EXPECT_EQ(page.value("sluice_log_failures_total{log=\"access\"}"), 2);
  EXPECT_EQ(page.value("sluice_log_lines_suppressed_total"), 3);
  EXPECT_EQ(page.value("sluice_log_lines_total{log=\"access\"}"), 10);
  EXPECT_EQ(page.value("sluice_log_lines_dropped_total{log=\"access\"}"), 1);
  EXPECT_EQ(page.value("process_resident_memory_bytes"), 4096);
  EXPECT_EQ(page.value("sluice_problems_total{code=\"no_route\"}"), 1);
  EXPECT_EQ(page.value("sluice_tls_handshakes_total{version=\"TLSv1.3\",result=\"resumed\"}"), 1);
  EXPECT_EQ(page.value("sluice_tls_handshakes_total{version=\"TLSv1.2\",result=\"full\"}"), 0);
  EXPECT_EQ(page.value("sluice_tls_handshake_failures_total{reason=\"cipher\"}"), 1);
}

TEST(Exposition, hostile_names_stay_inside_their_quotes) {
  const struct {
    std::string name;
    std::string label;
  } rows[] = {
      {"a\"b", "a\\\"b"},
      {"a\\b", "a\\\\b"},
      {"a\nsluice_fake 1", "a\\nsluice_fake 1"},
      {"}", "}"},
      {"\xff\xc3(\xe2\x82\xac", "\xef\xbf\xbd\xef\xbf\xbd(\xe2\x82\xac"},
      {std::string("\xed\xa0\x80", 3), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"", ""},
  };
  for (const auto& row : rows) {
    Registry registry(1);
    registry.shard(0).listener(registry.acquire(Table::listener, row.name)).accepted.add();
    ProcessFacts facts;
    facts.version = row.name;
    facts.logs = {{row.name, {1, 1, 0}}};
    std::string text = expose(registry, facts);
    Page page(text);
    EXPECT_EQ(page.value("sluice_connections_accepted_total{listener=\"" + row.label + "\"}"), 1) << text;
    if (row.name.empty()) continue;   // a label without a value is left out
    EXPECT_EQ(page.value("sluice_build_info{version=\"" + row.label + "\"}"), 1) << text;
    EXPECT_EQ(page.value("sluice_log_lines_total{log=\"" + row.label + "\"}"), 1) << text;
  }
}

TEST(Exposition, series_of_a_removed_route_go_away) {
  Registry registry(1);
  uint32_t old_route = registry.acquire(Table::route, "old");
  registry.shard(0).request({.route = old_route, .status = 200});
  EXPECT_NE(expose(registry, {}).find("route=\"old\""), std::string::npos);
  registry.release(Table::route, old_route);
  EXPECT_EQ(expose(registry, {}).find("route=\"old\""), std::string::npos);
}

TEST(Exposition, names_over_the_cap_are_other_and_are_told) {
  Registry registry(1, 2);
  for (const char* name : {"a", "b", "c"}) {
    registry.shard(0).request({.route = registry.acquire(Table::route, name), .status = 200});
  }
  Page page(expose(registry, {}));
  EXPECT_EQ(page.value("sluice_http_requests_total{route=\"other\",method=\"other\",code=\"2xx\"}"),
            2);
  EXPECT_EQ(page.value("sluice_metrics_names_dropped_total{label=\"route\"}"), 2);
}

TEST(Exposition, every_family_of_the_list_can_appear) {
  Registry registry(1);
  Shard& shard = registry.shard(0);
  shard.request({.status = 200});
  shard.route(kOther).tunnel_client_bytes.add(7);
  shard.grpc(kOther).count("a.B/C", 0, true);
  shard.upstream(kOther).requests[2].add();
  shard.upstream(kOther).connect_failure(Code::tls_failed).add();
  shard.endpoint(kOther);
  shard.listener(kOther).refused[0].add();
  shard.listener(kOther).h2_abuses[0].add();
  shard.limit(kOther, LimitResult::limited);
  shard.redis(kOther).failures[0].add();
  static constexpr http::Problem kProblem{400, "bad", "", ""};
  shard.problem(kProblem);
  ProcessFacts facts;
  facts.logs = {{"error", {}}};
  facts.certificates = {{{"tls.site", "site.pem", 1}}, {{"tls.site", 2, 3}}};
  facts.keys = {{{"auth.customers", 2, 1, 3, 1.7e9}}};
  facts.services = {{"auth.opaque", std::make_shared<SharedServiceCounts>()}};
  facts.health.endpoints = {{"orders", "10.0.0.1:80", true, 1, 0, 0.001, ""}};
  facts.audit.emplace();
  Page page(expose(registry, facts));
  for (size_t i = 0; i < kFamilies; ++i) {
    std::string name(family_facts(static_cast<Family>(i)).name);
    EXPECT_TRUE(page.families.contains(name)) << name;
  }
  EXPECT_EQ(page.families.size(), kFamilies);
}

TEST(HealthFacts, two_names_at_one_address_are_one_endpoint) {
  HealthFacts facts;
  facts.add({"orders", "10.0.0.1:80", true, 1, 0, 0.5, ""});
  facts.add({"orders", "10.0.0.2:80", true, 2, 0, 0.1, ""});
  facts.add({"orders", "10.0.0.1:80", false, 0, 3, 0.2, "status 500"});
  facts.add({"others", "10.0.0.1:80", true, 4, 0, 0.1, ""});
  ASSERT_EQ(facts.endpoints.size(), 3u);
  const HealthFacts::Endpoint& both = facts.endpoints[0];
  EXPECT_FALSE(both.up);
  EXPECT_EQ(both.passed + both.failed, 4u);
  EXPECT_EQ(both.failure, "status 500");
  EXPECT_TRUE(facts.endpoints[2].up);
}

std::chrono::nanoseconds thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST(Exposition, ten_thousand_busy_routes_take_under_250_ms) {
  Registry registry(2);
  for (int i = 0; i < 10'000; ++i) {
    uint32_t id = registry.acquire(Table::route, "route-number-" + std::to_string(i));
    for (unsigned worker : {0U, 1U}) {
      registry.shard(worker).request({.route = id,
                                      .method = http::Method::get,
                                      .status = 200,
                                      .total = std::chrono::microseconds(i)});
    }
  }
  // CPU time, and the best of some: the machine may be busy with something else. A sanitizer costs
  // a factor.
  auto best = std::chrono::nanoseconds::max();
  for (int round = 0; round < 3; ++round) {
    for (PageForm form : {PageForm::prometheus, PageForm::openmetrics}) {
      auto begin = thread_cpu_time();
      std::string page = expose(registry, {}, form);
      best = std::min(best, thread_cpu_time() - begin);
      EXPECT_GT(page.size(), 10'000'000U);
    }
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  EXPECT_LT(best, 5s);
#else
  EXPECT_LT(best, 250ms);
#endif
}

// The race detector's business: workers write while the page is made. Counters never go down.
TEST(Exposition, reads_while_workers_count) {
  Registry registry(2);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(registry.acquire(Table::route, std::to_string(i)));
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (unsigned worker : {0U, 1U}) {
    workers.emplace_back([&, worker] {
      Shard& shard = registry.shard(worker);
      static constexpr http::Problem kProblem{404, "no_route", "", ""};
      for (size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        shard.request({.route = ids[i % ids.size()], .status = 200, .total = 1ms});
        shard.problem(kProblem);
      }
    });
  }
  double before = -1;  // no such series yet
  for (int round = 0; round < 50; ++round) {
    Page page(expose(registry, {}));
    double now = page.value("sluice_http_responses_total{status=\"200\"}");
    EXPECT_GE(now, before);
    before = now;
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
}

TEST(Exposition, openmetrics_names_families_without_their_suffixes_and_ends) {
  Registry registry(1);
  registry.shard(0).request({.status = 200, .total = 1s});
  ProcessFacts facts;
  facts.version = "1.2.3";
  std::string page = expose(registry, facts, PageForm::openmetrics);
  for (const char* lines : {
           "# TYPE sluice_http_requests counter\nsluice_http_requests_total{route=\"-\",",
           "# TYPE sluice_build info\nsluice_build_info{version=\"1.2.3\"} 1\n",
           "# TYPE sluice_http_request_duration_seconds histogram\n"
           "# UNIT sluice_http_request_duration_seconds seconds\n",
           "# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\n"
           "process_cpu_seconds_total 0\n",
           "le=\"1.0\"} 1\n",
       }) {
    EXPECT_NE(page.find(lines), std::string::npos) << lines << page;
  }
  EXPECT_TRUE(page.ends_with("\n# EOF\n"));
  EXPECT_EQ(page.find("# TYPE sluice_http_requests_total"), std::string::npos);
}

TEST(Exposition, the_form_is_what_the_scraper_wants_most) {
  const struct {
    const char* accept;
    PageForm form;
  } rows[] = {
      {"", PageForm::prometheus},
      {"*/*", PageForm::prometheus},
      {"text/plain", PageForm::prometheus},
      {"application/openmetrics-text", PageForm::openmetrics},
      {"Application/OpenMetrics-Text; Version=1.0.0", PageForm::openmetrics},
      {"application/openmetrics-text; version=0.0.1", PageForm::prometheus},
      {"application/openmetrics-text; version=2.0.0", PageForm::prometheus},
      // Prometheus 2.47 and 3.0
      {"application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
       "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
       PageForm::openmetrics},
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
       PageForm::openmetrics},
      {"text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.1", PageForm::prometheus},
      {"application/openmetrics-text;q=0", PageForm::prometheus},
      {"application/openmetrics-text;q=nan", PageForm::prometheus},
      {"application/openmetrics-text;q=;;=;", PageForm::prometheus},
      {",,;,=", PageForm::prometheus},
  };
  for (const auto& row : rows) EXPECT_EQ(page_form(row.accept), row.form) << row.accept;
}

TEST(Exposition, the_reference_in_the_docs_is_up_to_date) {
  std::ifstream file(SLUICE_SOURCE_DIR "/docs/metrics.md");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find(metrics_reference()), std::string::npos) << "docs/metrics.md must contain:\n"
                                                               << metrics_reference();
}

}  // namespace
}  // namespace sluice::observe
