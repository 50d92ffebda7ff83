#include "route/router_builder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "route_text.h"

namespace sluice::route {
namespace {

// Every conflict as "tie 0 1".
std::vector<std::string> conflicts(const std::vector<std::string>& texts) {
  auto router = build(routes(texts));
  std::vector<std::string> out;
  if (router) return out;
  for (const Conflict& conflict : router.error()) {
    const char* kinds[] = {"tie", "overlap", "unreachable", "limit"};
    out.push_back(std::string(kinds[static_cast<int>(conflict.kind)]) + " " +
                  std::to_string(conflict.first) + " " + std::to_string(conflict.second));
  }
  return out;
}

struct Conflicting {
  std::vector<std::string> routes;
  std::vector<std::string> conflicts;
};

void expect_conflicts(const std::vector<Conflicting>& cases) {
  for (const Conflicting& one : cases) {
    EXPECT_EQ(conflicts(one.routes), one.conflicts) << testing::PrintToString(one.routes);
  }
}

TEST(RouterBuilder, equal_routes_are_a_tie) {
  expect_conflicts({
      {{"/a", "/a"}, {"tie 0 1"}},
      {{"/a/{x}", "/a/{y}"}, {"tie 0 1"}},
      {{"/%41", "/A"}, {"tie 0 1"}},
      {{"GET /a", "GET,POST /a"}, {"tie 0 1"}},
      {{"GET /a", "/a"}, {"tie 0 1"}},
      {{"GET /a", "HEAD /a"}, {"tie 0 1"}},  // GET brings HEAD with it
      {{"a.com/x", "A.com/x"}, {"tie 0 1"}},
      {{"/a X-A=1", "/a x-a=1"}, {"tie 0 1"}},
      {{"/a ?q=1 ?p=2", "/a ?p=2 ?q=1"}, {"tie 0 1"}},
      {{"/a !1", "/a !1"}, {"tie 0 1"}},
      {{"/a", "/b", "/a", "/b", "/a"}, {"tie 0 2", "tie 0 4", "tie 1 3"}},
      {{"*", "*"}, {"tie 0 1"}},
  });
}

TEST(RouterBuilder, routes_that_differ_are_none) {
  expect_conflicts({
      {{"/a", "/a/", "/A", "/{x}", "/**", "*"}, {}},
      {{"GET /a", "POST /a"}, {}},
      {{"a.com/x", "*.com/x", "b.com/x", "/x"}, {}},
      {{"/a/**", "/a/{x}/**", "/a/{x}"}, {}},
      {{"/a X-A=1", "/a"}, {}},
      {{"/a X-A=1", "/a X-A=2"}, {}},
      {{"/a X-A=1", "/a X-A=*"}, {}},
      {{"/a X-A=12", "/a X-A=1*", "/a X-A=2*"}, {}},
      {{"/a X-A=1 X-B=1", "/a X-A=1", "/a X-A=2 ?q=1"}, {}},
      {{"/a ?q=1", "/a ?Q=1 !1"}, {}},
      {{"GET /a X-A=1", "POST /a X-B=1"}, {}},
  });
}

TEST(RouterBuilder, conditions_that_may_hold_together_overlap) {
  expect_conflicts({
      {{"/a X-A=1", "/a X-B=1"}, {"overlap 0 1"}},
      {{"/a X-A=1 X-B=1", "/a X-C=1"},
       {"overlap 0 1"}},  // more conditions, but not the stricter route
      {{"/a X-A=1", "/a ?a=1"}, {"overlap 0 1"}},
      {{"/a X-A=1*", "/a X-A=12 X-B=1", "/a ?q=*"}, {"overlap 1 2", "overlap 0 2"}},
      {{"/a ?q=1", "/a ?Q=1"}, {"overlap 0 1"}},  // query names have a case
      {{"/a X-A=1", "/a X-B=1 !1"}, {}},
      {{"/a X-A=1 !1", "/a X-B=1 !1"}, {"overlap 0 1"}},
      {{"GET /a X-A=1", "POST,GET /a X-B=1"}, {"overlap 0 1"}},
  });
}

TEST(RouterBuilder, routes_that_never_match_are_unreachable) {
  expect_conflicts({
      {{"/a", "/a !1"}, {"unreachable 1 0"}},
      {{"/a X-A=1", "/a !1"}, {"unreachable 1 0"}},
      {{"/a X-A=12", "/a X-A=1* !1"}, {"unreachable 1 0"}},
      {{"/a X-A=1", "/a X-A=2 !1"}, {}},
      {{"GET,PUT /a", "GET /a !1"}, {}},                                // PUT is left
      {{"GET,PUT /a", "GET /a !1", "PUT /a !2"}, {"unreachable 1 0"}},  // nothing is
      {{"GET /a", "GET,PUT /a !1"}, {"unreachable 1 0"}},
  });
}

TEST(RouterBuilder, a_pair_is_reported_once_however_many_hosts_it_shares) {
  RouteMatch one = route("a.com/x"), two = route("a.com/x");
  for (const char* host : {"b.com", "c.com", "*.d.com"}) {
    one.hosts.push_back(*HostPattern::parse(host));
    two.hosts.push_back(*HostPattern::parse(host));
  }
  auto router = build({one, two});
  ASSERT_FALSE(router);
  EXPECT_EQ(router.error().size(), 1u);
}

TEST(RouterBuilder, a_host_given_twice_is_no_tie) {
  RouteMatch match = route("a.com/x");
  match.hosts.push_back(*HostPattern::parse("A.COM"));
  match.hosts.push_back(*HostPattern::parse("a.com."));
  EXPECT_TRUE(build({match}));
  match.hosts = {*HostPattern::parse("*"), *HostPattern::parse("*")};
  EXPECT_TRUE(build({match}));
}

TEST(RouterBuilder, several_hosts_lead_to_one_route) {
  RouteMatch match = route("a.com/x/{y}");
  match.hosts.push_back(*HostPattern::parse("*.b.com"));
  Router router = *build({route("/**"), match});
  EXPECT_EQ(answer(router, "a.com/x/1"), "1 y=1");
  EXPECT_EQ(answer(router, "c.b.com/x/1"), "1 y=1");
  EXPECT_EQ(answer(router, "b.com/x/1"), "0 **=x/1");
}

TEST(RouterBuilder, conflicts_say_where_and_what_to_do) {
  EXPECT_EQ(build(routes({"a.com/x/{y}", "a.com/x/{z}"})).error()[0].text,
            "a.com, /x/{z}: both take the same requests: give one a priority");
  EXPECT_EQ(build(routes({"/x X-A=1", "/x X-B=1"})).error()[0].text,
            "every host, /x: a request may meet the conditions of both: give one a priority");
  EXPECT_EQ(build(routes({"*.a.com/x", "*.a.com/x !2"})).error()[0].text,
            "*.a.com, /x: no request is left for it: another route takes them");
}

TEST(RouterBuilder, routes_of_one_path_have_a_limit) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < kRoutesPerPathMax; ++i)
    texts.push_back("/a X-Tenant=t" + std::to_string(i));
  auto router = build(routes(texts));
  ASSERT_TRUE(router);
  EXPECT_EQ(answer(*router, "/a X-Tenant=t0"), "0");
  EXPECT_EQ(answer(*router, "/a X-Tenant=t255"), "255");
  texts.push_back("/a");
  EXPECT_EQ(conflicts(texts), std::vector<std::string>{"limit 0 256"});
}

// A bound far above the real time (some 20 ms), so that only a change of order is noticed:
// quadratic would take minutes.
TEST(RouterBuilder, builds_ten_thousand_routes_quickly) {
  std::vector<RouteMatch> matches;
  for (int i = 0; i < 10'000; ++i) {
    std::string n = std::to_string(i);
    matches.push_back(
        route("GET tenant" + std::to_string(i % 100) + ".example.com/s" + n + "/{id}/r/**"));
  }
  auto begin = std::chrono::steady_clock::now();
  auto router = build(matches);
  auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(router);
  EXPECT_EQ(router->size(), 10'000u);
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_EQ(answer(*router, "tenant99.example.com/s9999/7/r/x"), "9999 id=7 **=x");
}

}  // namespace
}  // namespace sluice::route
