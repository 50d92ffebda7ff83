#include "snapshot/build.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "unit/snapshot/config_workspace.h"

namespace sluice::snapshot {
namespace {

constexpr std::string_view kFile = R"(sluice = 1
[listen.a]
address = "127.0.0.1:1"
[upstream.one]
servers = ["127.0.0.1:2"]
timeout = { response = "3s" }
[upstream.two]
servers = ["127.0.0.1:3"]
[route.first]
match = { path = "/first/{id}/x/**" }
upstream = "one"
timeout = { body = "7s" }
[route.second]
match = { path = "/second" }
upstream = "two"
[route.third]
match = { path = "/third" }
respond = { status = 204 }
)";

Config config_of(std::string text) {
  LoadedConfig loaded = load_config_text("test.toml", std::move(text));
  EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
  return std::move(loaded.config);
}

std::shared_ptr<const Snapshot> snapshot_of(std::string text, const Snapshot* previous,
                                            observe::Registry& registry) {
  auto built = build(config_of(std::move(text)), previous, registry);
  EXPECT_TRUE(built);
  return built ? *built : nullptr;
}

std::string with(std::string_view from, std::string_view to) {
  std::string text(kFile);
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Build, makes_of_each_section_what_the_hot_path_needs) {
  observe::Registry registry(1);
  auto snapshot = snapshot_of(std::string(kFile), nullptr, registry);
  ASSERT_EQ(snapshot->routes.size(), 3U);
  const RoutePart& first = *snapshot->routes[0].part;
  EXPECT_EQ(first.name, "first");
  EXPECT_EQ(first.params, (std::vector<std::string>{"id", "**"}));
  EXPECT_EQ(first.upstream, snapshot->upstreams[snapshot->routes[0].upstream]);
  EXPECT_EQ(first.upstream->name, "one");
  EXPECT_EQ(first.response_timeout, std::chrono::seconds(3));  // the upstream's
  EXPECT_EQ(first.body_timeout, std::chrono::seconds(7));      // its own
  EXPECT_EQ(snapshot->routes[1].part->upstream->name, "two");
  EXPECT_EQ(snapshot->routes[2].part->upstream, nullptr);
  EXPECT_EQ(snapshot->routes[2].part->respond->status, 204);
  EXPECT_EQ(snapshot->listeners[0]->settings->body_bytes_max, 10U << 20);
}

TEST(Build, gives_each_limit_of_http2_its_own_value) {
  observe::Registry registry(1);
  auto snapshot = snapshot_of(with("address = \"127.0.0.1:1\"", R"(address = "127.0.0.1:1"
protocols = ["h2c"]
http2 = { resets = 11, pings = 12, settings = 13, empty_frames = 14, control_frames = 15, continuations = 16, stalls = 17 }
limits = { streams = 18, line = "1KiB", header = "2KiB", headers = 19 }
timeout = { body = "20s", write = "21s", header = "22s", idle = "23s" })"), nullptr, registry);
  const http::H2Limits& limits = snapshot->listeners[0]->settings->h2_limits;
  EXPECT_EQ(limits.resets, 11U);
  EXPECT_EQ(limits.pings, 12U);
  EXPECT_EQ(limits.settings, 13U);
  EXPECT_EQ(limits.empty_frames, 14U);
  EXPECT_EQ(limits.control_frames, 15U);
  EXPECT_EQ(limits.continuations, 16U);
  EXPECT_EQ(limits.stalls, 17U);
  EXPECT_EQ(limits.streams, 18U);
  EXPECT_EQ(limits.head.line_bytes_max, 1024U);
  EXPECT_EQ(limits.head.header_bytes_max, 2048U);
  EXPECT_EQ(limits.head.headers_max, 19U);
  EXPECT_EQ(limits.body_patience, std::chrono::seconds(20));
  EXPECT_EQ(limits.write_patience, std::chrono::seconds(21));
}

/// Which parts of `text` are the very ones of the snapshot of kFile.
std::string reused(const std::string& text) {
  observe::Registry registry(1);
  auto before = snapshot_of(std::string(kFile), nullptr, registry);
  auto after = snapshot_of(text, before.get(), registry);
  std::string out;
  auto note = [&](const auto& now, const auto& then) {
    for (const auto& part : now) {
      for (const auto& old : then) {
        if (part == old) out += (out.empty() ? "" : " ") + part->name;
      }
    }
  };
  auto parts = [](const auto& entries) {
    std::vector<std::shared_ptr<const RoutePart>> list;
    for (const auto& entry : entries) list.push_back(entry.part);
    return list;
  };
  note(after->listeners, before->listeners);
  note(after->upstreams, before->upstreams);
  note(parts(after->routes), parts(before->routes));
  return out;
}

TEST(Build, takes_over_what_did_not_change_and_makes_anew_what_did) {
  EXPECT_EQ(reused(std::string(kFile)), "a one two first second third");
  EXPECT_EQ(reused(with("status = 204", "status = 200")), "a one two first second");
  EXPECT_EQ(reused(with("127.0.0.1:1\"", "127.0.0.1:9\"")), "one two first second third");
  EXPECT_EQ(reused(with("[route.third]", "# moved\n\n[route.third]")),
            "a one two first second third");
  EXPECT_EQ(reused(with("[route.second]", "[route.other]")), "a one two first third");
}

TEST(Build, a_route_is_made_anew_when_its_upstream_changed) {
  EXPECT_EQ(reused(with("response = \"3s\"", "response = \"4s\"")), "a two second third");
}

TEST(Build, metric_ids_stay_over_a_change) {
  observe::Registry registry(1);
  auto before = snapshot_of(std::string(kFile), nullptr, registry);
  auto after = snapshot_of(with("status = 204", "status = 200"), before.get(), registry);
  EXPECT_NE(before->routes[2].part, after->routes[2].part);
  EXPECT_EQ(before->routes[2].part->metric.id(), after->routes[2].part->metric.id());
}

TEST(Build, a_file_that_vanished_is_a_fault_and_no_crash) {
  observe::Registry registry(1);
  Config config = config_of(std::string(kFile));
  config.upstream[0].value.tls.emplace().ca.path = "/nonexistent/ca.pem";
  auto built = build(std::move(config), nullptr, registry);
  ASSERT_FALSE(built);
  ASSERT_EQ(built.error().size(), 1U);
  EXPECT_NE(built.error()[0].find("upstream.one: /nonexistent/ca.pem"), std::string::npos)
      << built.error()[0];
}

constexpr std::string_view kTls = R"(sluice = 1
[listen.a]
address = "127.0.0.1:1"
tls = "site"
[tls.site]
certificates = { cert = "certs/site.pem", key = "certs/site.key" }
[upstream.u]
servers = ["u.example:1"]
tls = { ca = "certs/site.pem", cert = "certs/other.pem", key = "certs/other.key" }
)";

TEST(Build, an_unchanged_tls_table_keeps_its_context_and_a_changed_one_its_ticket_keys) {
  ConfigWorkspace workspace;
  auto built = [&](const std::string& text, const Snapshot* previous, observe::Registry& registry) {
    write_text(workspace.folder() / "tls.toml", text);
    LoadedConfig loaded = load_config((workspace.folder() / "tls.toml").string());
    EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
    auto snapshot = build(std::move(loaded.config), previous, registry);
    EXPECT_TRUE(snapshot);
    return *snapshot;
  };
  observe::Registry registry(1);
  auto first = built(std::string(kTls), nullptr, registry);
  ASSERT_EQ(first->tls.size(), 1U);
  EXPECT_EQ(first->listeners[0]->settings->tls, first->tls[0]->tls);
  auto listener = std::string(kTls) + "[listen.b]\naddress = \"127.0.0.1:2\"\ntls = \"site\"\n";
  auto second = built(listener, first.get(), registry);
  EXPECT_EQ(second->tls[0], first->tls[0]);
  EXPECT_EQ(second->listeners[1]->settings->tls, first->tls[0]->tls);
  EXPECT_EQ(second->upstreams[0]->tls, first->upstreams[0]->tls);
  std::string modern(kTls);
  modern.insert(modern.find("[upstream.u]"), "profile = \"modern\"\n");
  auto third = built(modern, second.get(), registry);
  EXPECT_NE(third->tls[0]->tls, first->tls[0]->tls);
  EXPECT_EQ(third->listeners[0]->settings->tls, third->tls[0]->tls);
  EXPECT_EQ(third->tls[0]->tls->options().tickets, first->tls[0]->tls->options().tickets);
}

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

TEST(Build, ten_thousand_routes_and_a_thousand_upstreams_load_in_time_and_space) {
  std::string text = "sluice = 1\n[listen.a]\naddress = \"127.0.0.1:1\"\n";
  for (int i = 0; i < 1'000; ++i) {
    text += "[upstream.u" + std::to_string(i) +
            "]\nservers = [\"127.0.0.1:" + std::to_string(1'000 + i) + "\"]\n";
  }
  for (int i = 0; i < 10'000; ++i) {
    std::string number = std::to_string(i);
    text += "[route.r" + number + "]\nmatch = { host = \"h" + std::to_string(i % 100) +
            ".example\", path = \"/a/" + number + "/{id}\" }\nupstream = \"u" +
            std::to_string(i % 1'000) + "\"\n[route.r" + number +
            ".headers.request]\nset = { X-Route = \"{route}\" }\n";
  }
  size_t before = resident_bytes();
  auto begun = std::chrono::steady_clock::now();
  observe::Registry registry(1);
  auto snapshot = snapshot_of(std::move(text), nullptr, registry);
  auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  size_t mebibytes = (resident_bytes() - before) >> 20;
  std::printf("10,000 routes, 1,000 upstreams: %lld ms, %zu MiB\n",
              static_cast<long long>(took.count()), mebibytes);
  ASSERT_EQ(snapshot->routes.size(), 10'000U);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(took.count(), 3'000);  // A8
  EXPECT_LT(mebibytes, 200U);
#endif
}

}  // namespace
}  // namespace sluice::snapshot
