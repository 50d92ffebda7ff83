// `sluice explain`: what it prints, and what it gives.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kConfig = R"(sluice = 1
trusted_proxies = ["10.0.0.0/8"]
[listen.a]
address = "127.0.0.1:8080"
[listen.b]
address = "127.0.0.1:8081"
limits = { body = "1KiB" }
path_profile = "encoded_slashes"
[upstream.u]
servers = ["127.0.0.1:2"]
[route.rest]
match = { path = "/**" }
upstream = "u"
[route.order]
match = { path = "/users/{user}/orders/{order}", methods = ["GET", "PUT"] }
upstream = "u"
rewrite = { path = "/internal/{order}" }
[route.order.headers.request]
set = { X-Tenant = "gold" }
[route.beta]
match = { path = "/users/{user}/orders/{order}", headers = { X-Beta = "1" } }
upstream = "u"
[route.fixed]
match = { host = "b.example", path = "/fixed" }
respond = { status = 200, body = "hi" }
)";

struct Explained {
  int code = 0;
  std::string out;
  bool has(std::string_view text) const { return out.find(text) != std::string::npos; }
};

Explained explain(ExplainOptions options, std::string_view config = kConfig) {
  char name[] = "/tmp/sluice-explain-XXXXXX";
  int descriptor = mkstemp(name);
  EXPECT_GE(descriptor, 0);
  close(descriptor);
  std::ofstream(name) << config;
  options.file = name;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Explained explained;
  explained.code = run_explain(options);
  explained.out = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  unlink(name);
  return explained;
}

ExplainOptions ask(std::string method, std::string url) {
  ExplainOptions options;
  options.method = std::move(method);
  options.url = std::move(url);
  return options;
}

TEST(Explain, prints_the_upstream_request_byte_for_byte) {
  ExplainOptions options = ask("GET", "http://Shop.example/users/7/./orders/9?x=%2F");
  options.headers = {"X-Request-Id: abc",
                     "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                     "x_tenant: evil", "Connection: close"};
  options.from = "10.1.1.1";
  Explained explained = explain(options);
  EXPECT_EQ(explained.code, 0);
  EXPECT_TRUE(explained.out.ends_with(
      "\nupstream request:\n"
      "    GET /internal/9?x=%2F HTTP/1.1\n"
      "    Host: shop.example\n"
      "    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
      "    X-Tenant: gold\n"
      "    X-Forwarded-For: 10.1.1.1\n"
      "    X-Forwarded-Proto: http\n"
      "    X-Forwarded-Host: shop.example\n"
      "    Forwarded: for=10.1.1.1;host=shop.example;proto=http\n"
      "    Via: 1.1 sluice\n"
      "    X-Request-Id: abc\n"
      "\n"))
      << explained.out;
}

TEST(Explain, says_which_route_and_why_not_the_others) {
  Explained explained = explain(ask("GET", "http://x/users/7/orders/9"));
  EXPECT_TRUE(explained.has(
      "route order matches: any host, path /users/{user}/orders/{order}, methods GET, HEAD, PUT"));
  EXPECT_TRUE(explained.has("order = \"9\""));
  EXPECT_TRUE(explained.has("not beta")) << explained.out;
  EXPECT_TRUE(explained.has("header X-Beta = \"1\" does not hold"));
  EXPECT_TRUE(
      explained.has("not rest (any host, path /**, any method): its path is less specific"));
  EXPECT_FALSE(explained.has("not fixed"));
  EXPECT_TRUE(explained.has("1. headers: request set X-Tenant"));
  EXPECT_TRUE(explained.has("response 15s"));
  EXPECT_TRUE(explained.has("nothing buffers it"));
}

TEST(Explain, says_what_conditions_and_hosts_decide) {
  ExplainOptions options = ask("GET", "http://x/users/7/orders/9");
  options.headers = {"X-Beta: 1"};
  Explained beta = explain(options);
  EXPECT_TRUE(beta.has("route beta matches"));
  EXPECT_TRUE(beta.has("its conditions are fewer")) << beta.out;
  Explained fixed = explain(ask("GET", "http://b.example/fixed"));
  EXPECT_TRUE(fixed.has("route fixed matches: host b.example"));
  EXPECT_TRUE(fixed.has("its host is less specific"));
  EXPECT_TRUE(fixed.has("HTTP/1.1 200 OK"));
}

TEST(Explain, without_a_route_shows_the_near_misses) {
  std::string config(kConfig);
  config.replace(config.find("/**"), 3, "/rest");
  Explained explained = explain(ask("GET", "http://x/fixed"), config);
  EXPECT_EQ(explained.code, 0);
  EXPECT_TRUE(explained.has("no route matches host x and path /fixed"));
  EXPECT_TRUE(explained.has("it is for host b.example")) << explained.out;
  EXPECT_TRUE(explained.has("404 Not Found"));
}

TEST(Explain, shows_the_responses_that_the_gateway_makes_itself) {
  EXPECT_TRUE(explain(ask("POST", "http://x/users/7/orders/9")).has("405 Method Not Allowed"));
  EXPECT_TRUE(explain(ask("OPTIONS", "*")).has("204 No Content"));
}

TEST(Explain, a_request_that_run_would_refuse_is_refused) {
  struct Case {
    const char* method;
    const char* url;
    const char* header;
    const char* shows;
  };
  for (const Case& one : {Case{"GET", "http://x/%2fx", "A: b", "refused: encoded_slash"},
                          Case{"BREW", "http://x/", "A: b", "refused: unknown_method"},
                          Case{"GET", "http://x/", "no colon", "refused: "},
                          Case{"GET", "http://x/a#b", "A: b", "refused: "},
                          Case{"GET", "http://x y/", "A: b", "refused: "}}) {
    ExplainOptions options = ask(one.method, one.url);
    options.headers = {one.header};
    Explained explained = explain(options);
    EXPECT_EQ(explained.code, 1) << one.url;
    EXPECT_TRUE(explained.has(one.shows)) << explained.out;
  }
}

TEST(Explain, takes_the_listener_by_port_or_by_name) {
  EXPECT_TRUE(explain(ask("GET", "http://x:8081/")).has("listener b"));
  EXPECT_TRUE(explain(ask("GET", "http://x:8080/")).has("listener a"));
  ExplainOptions options = ask("GET", "http://x/a%2fb");
  options.listen = "b";
  Explained explained = explain(options);
  EXPECT_TRUE(explained.has("body 1KiB (the listener's)"));
  EXPECT_TRUE(explained.has("GET /a%2Fb HTTP/1.1")) << explained.out;
  options.listen = "c";
  EXPECT_EQ(explain(options).code, 1);
}

TEST(Explain, https_in_the_url_means_tls) {
  Explained explained = explain(ask("GET", "https://x/"));
  EXPECT_TRUE(explained.has("X-Forwarded-Proto: https"));
}

TEST(Explain, a_head_with_a_body_to_come_leaves_as_it_streams) {
  ExplainOptions options = ask("PUT", "http://x/");
  options.headers = {"Content-Length: 5"};
  Explained explained = explain(options);
  EXPECT_EQ(explained.code, 0);
  EXPECT_TRUE(explained.has("    Content-Length: 5\n"));
}

TEST(Explain, a_file_with_errors_is_not_explained) {
  Explained explained = explain(ask("GET", "http://x/"), "sluice = 1\nroutee = 1\n");
  EXPECT_EQ(explained.code, 1);
  EXPECT_FALSE(explained.has("upstream request"));
}

}  // namespace
}  // namespace sluice::cli
