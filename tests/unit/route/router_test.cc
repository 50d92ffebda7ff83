#include "route/router.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hash.h"
#include "route_text.h"

namespace sluice::route {
namespace {

TEST(Router, literal_over_parameter_over_rest) {
  expect_answers({"/users/me", "/users/{id}", "/users/**", "/**", "/"},
                 {{"/users/me", "0"},
                  {"/users/7", "1 id=7"},
                  {"/users/7/x", "2 **=7/x"},
                  {"/users/me/x", "2 **=me/x"},
                  {"/users", "2 **="},
                  {"/users/", "2 **="},
                  {"/other", "3 **=other"},
                  {"/", "4"}});
}

TEST(Router, a_trailing_slash_counts_except_below_rest) {
  expect_answers({"/a", "/b/", "/c/**", "/d/{x}", "/e", "/e/"}, {{"/a", "0"},
                                                                 {"/a/", "none"},
                                                                 {"/b", "none"},
                                                                 {"/b/", "1"},
                                                                 {"/c", "2 **="},
                                                                 {"/c/", "2 **="},
                                                                 {"/c/x/", "2 **=x/"},
                                                                 {"/cc", "none"},
                                                                 {"/d/", "none"},
                                                                 {"/d/x", "3 x=x"},
                                                                 {"/d/x/", "none"},
                                                                 {"/e", "4"},
                                                                 {"/e/", "5"},
                                                                 {"/", "none"}});
}

TEST(Router, segments_decide_from_left_to_right) {
  expect_answers(
      {"/{a}/x/y", "/p/{b}/y", "/p/x/{c}", "/**"},
      {{"/p/x/y", "2 c=y"}, {"/p/q/y", "1 b=q"}, {"/q/x/y", "0 a=q"}, {"/q/x/z", "3 **=q/x/z"}});
}

TEST(Router, goes_back_where_a_more_specific_start_leads_nowhere) {
  expect_answers({"/a/b/c", "/a/{x}/d", "/{y}/b/e", "/a/**", "/{y}/{z}/f/{w}"},
                 {{"/a/b/c", "0"},
                  {"/a/b/d", "1 x=b"},
                  {"/a/b/e", "3 **=b/e"},
                  {"/q/b/e", "2 y=q"},
                  {"/q/b/f/g", "4 y=q z=b w=g"},
                  {"/a/b/f/g", "3 **=b/f/g"},
                  {"/q/b/f", "none"}});
}

TEST(Router, parameters_of_abandoned_branches_are_forgotten) {
  expect_answers(
      {"/{a}/{b}/{c}/x", "/{d}/**"},
      {{"/1/2/3/x", "0 a=1 b=2 c=3"}, {"/1/2/3/y", "1 d=1 **=2/3/y"}, {"/1", "1 d=1 **="}});
}

TEST(Router, routes_that_share_a_path_name_their_own_parameters) {
  expect_answers(
      {"GET /u/{id}", "POST /u/{name}"},
      {{"GET /u/7", "0 id=7"}, {"POST /u/7", "1 name=7"}, {"PUT /u/7", "405 GET, HEAD, POST"}});
}

TEST(Router, exact_host_over_longest_wildcard_over_any) {
  expect_answers(
      {"api.example.com/**", "*.example.com/**", "*.eu.example.com/**", "example.com/**", "/**"},
      {{"api.example.com/x", "0 **=x"},
       {"web.example.com/x", "1 **=x"},
       {"a.b.example.com/x", "1 **=x"},
       {"a.eu.example.com/x", "2 **=x"},
       {"eu.example.com/x", "1 **=x"},
       {"example.com/x", "3 **=x"},
       {"example.org/x", "4 **=x"},
       {"notexample.com/x", "4 **=x"},
       {"com/x", "4 **=x"},
       {"[::1]/x", "4 **=x"},
       {"/x", "4 **=x"}});  // HTTP/1.0 without Host
}

TEST(Router, a_less_specific_host_serves_what_the_other_has_no_path_for) {
  expect_answers({"api.example.com/v1", "*.example.com/health", "GET api.example.com/only", "/only",
                  "/old/**"},
                 {{"api.example.com/v1", "0"},
                  {"api.example.com/health", "1"},
                  {"api.example.com/old/x", "4 **=x"},
                  {"web.example.com/v1", "none"},
                  {"api.example.com/only", "2"},
                  {"POST api.example.com/only", "405 GET, HEAD"},  // the path decides
                  {"POST web.example.com/only", "3"}});
}

TEST(Router, hosts_are_matched_by_whole_labels) {
  expect_answers({"*.b.com/x", "10.0.0.1/x", "[2001:db8::1]/x", "[::ffff:1.2.3.4]/x"},
                 {{"a.b.com/x", "0"},
                  {"b.com/x", "none"},
                  {"ab.com/x", "none"},
                  {"10.0.0.1/x", "1"},
                  {"110.0.0.1/x", "none"},
                  {"[2001:db8::1]/x", "2"},
                  {"[::ffff:1.2.3.4]/x", "3"},
                  {"[::1]/x", "none"}});
}

TEST(Router, hosts_with_empty_labels_are_nobodys) {
  expect_answers({"com/x", "a.com/x", "*.com/y"}, {{".com/x", "none"},
                                                   {"..com/x", "none"},
                                                   {"a..com/x", "none"},
                                                   {"./x", "none"},
                                                   {"com./x", "none"},
                                                   {".a.com/x", "none"},
                                                   {"a.com/x", "1"}});
}

TEST(Router, the_path_decides_before_the_method) {
  expect_answers({"GET /a/b", "POST /a/{x}", "DELETE /a/**"}, {{"GET /a/b", "0"},
                                                               {"HEAD /a/b", "0"},
                                                               {"POST /a/b", "405 GET, HEAD"},
                                                               {"POST /a/c", "1 x=c"},
                                                               {"GET /a/c", "405 POST"},
                                                               {"DELETE /a/b/c", "2 **=b/c"},
                                                               {"PUT /a/b/c", "405 DELETE"},
                                                               {"OPTIONS /a/b", "405 GET, HEAD"}});
}

TEST(Router, a_refused_method_still_names_a_route_and_its_parameters) {
  Router router = *build(routes({"GET /a/{x}"}));
  Request request("PUT /a/7");
  Params params;
  MatchResult result = router.match(request.head(), params);
  EXPECT_EQ(result.outcome, MatchResult::Outcome::method_not_allowed);
  EXPECT_EQ(result.route, 0u);
  EXPECT_EQ(params.get("x"), "7");
}

TEST(Router, conditions_on_headers_choose_within_a_path) {
  expect_answers({"/a X-Version=2", "/a X-Version=2 X-Beta=*", "/a X-Version=3*", "/a"},
                 {{"/a x-version=2", "0"},
                  {"/a X-VERSION=2 x-beta=", "1"},
                  {"/a X-Version=3.14", "2"},
                  {"/a X-Version=1", "3"},
                  {"/a X-Version=1 X-Version=2", "3"},  // the first counts
                  {"/a", "3"}});
}

TEST(Router, conditions_on_well_known_headers_hold_too) {
  expect_answers(
      {"/a Content-Type=application/json*", "/a"},
      {{"/a content-type=application/json;v=1", "0"}, {"/a content-type=text/html", "1"}});
}

TEST(Router, conditions_on_the_query_see_decoded_values) {
  expect_answers({"/a ?v=2", "/a ?v=a*", "/a ?v=c%", "/a ?v=&d", "/a"},
                 {{"/a?v=2", "0"},
                  {"/a?x=1&v=2", "0"},
                  {"/a?v=%32", "0"},
                  {"/a?%76=2", "0"},
                  {"/a?v=22", "4"},
                  {"/a?vv=2", "4"},
                  {"/a?v=1&v=2", "4"},  // the first counts
                  {"/a?v=a+b", "1"},
                  {"/a?v=%61", "1"},
                  {"/a?v=A", "4"},
                  {"/a?v=c%", "2"},  // no %-sequence: itself
                  {"/a?v=c%25", "2"},
                  {"/a?v=%26d", "3"},
                  {"/a?v", "4"},
                  {"/a?", "4"},
                  {"/a?&&=&v=2", "0"}});
  expect_answers({"/a ?v=*", "/a ?v=", "/b ?v="},
                 {{"/a?v", "1"}, {"/a?v=1", "0"}, {"/b?v=x", "none"}});
}

TEST(Router, a_path_whose_conditions_fail_is_no_match) {
  expect_answers({"/a/b X-Canary=1", "/a/{x}", "/**"},
                 {{"/a/b X-Canary=1", "0"}, {"/a/b", "1 x=b"}, {"/c", "2 **=c"}});
  expect_answers({"a.com/x X-Canary=1", "/x"}, {{"a.com/x X-Canary=1", "0"}, {"a.com/x", "1"}});
}

TEST(Router, methods_and_conditions_together) {
  expect_answers({"GET /a X-A=1", "POST /a", "PUT /a X-B=1"},
                 {{"GET /a X-A=1", "0"},
                  {"POST /a X-A=1", "1"},
                  {"GET /a", "405 POST"},  // the first does not apply
                  {"DELETE /a X-A=1", "405 GET, HEAD, POST"},
                  {"DELETE /a X-A=1 X-B=1", "405 GET, HEAD, POST, PUT"}});
}

TEST(Router, priority_orders_routes_of_one_path_only) {
  expect_answers({"/a X-A=1", "/a X-B=1 !1", "/{x} !9"},
                 {{"/a X-A=1", "0"}, {"/a X-B=1", "1"}, {"/a X-A=1 X-B=1", "1"}, {"/a", "2 x=a"}});
}

TEST(Router, the_asterisk_is_matched_by_itself_alone) {
  expect_answers({"/**", "/{x}", "a.com/**"}, {{"OPTIONS *", "none"}, {"OPTIONS a.com*", "none"}});
  expect_answers({"OPTIONS *", "/**"}, {{"OPTIONS *", "0"},
                                        {"OPTIONS a.com*", "0"},
                                        {"OPTIONS /*", "1 **=*"},
                                        {"GET /*", "1 **=*"}});
}

TEST(Router, matches_nothing_when_it_has_no_routes) {
  expect_answers({}, {{"a.com/x", "none"}, {"/", "none"}, {"OPTIONS *", "none"}});
}

TEST(Router, wide_nodes_find_each_of_their_children) {
  std::vector<std::string> texts;
  std::vector<Case> cases;
  for (int i = 0; i < 300; ++i) {
    std::string number = std::to_string(i);
    texts.push_back("/wide/s" + number);
    cases.push_back({"/wide/s" + number, number});
  }
  cases.push_back({"/wide/s300", "none"});
  cases.push_back({"/wide/", "none"});
  cases.push_back({"/wide/s1/", "none"});
  expect_answers(texts, cases);
}

TEST(Router, long_paths_reach_rest_without_limit) {
  std::string path = "/a";
  for (int i = 0; i < 3'000; ++i) path += "/s";
  Router router = *build(routes({"/a/**", "/{x}/{y}/{z}"}));
  EXPECT_EQ(answer(router, path), "0 **=" + path.substr(3));
}

// What a slow but obvious matcher says: every route is tried, and compared by specificity.
struct Reference {
  static std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> out;
    for (size_t at = 1; at <= path.size();) {
      size_t end = std::min(path.find('/', at), path.size());
      out.emplace_back(path.substr(at, end - at));
      at = end + 1;
    }
    return out;
  }
  // gives: one digit per segment, the more specific route having the smaller text; nothing when no
  // match
  static std::optional<std::string> rank(const Pattern& pattern,
                                         const std::vector<std::string>& path) {
    std::string out;
    size_t at = 0;
    for (const Pattern::Segment& segment : pattern.segments()) {
      if (segment.kind == Pattern::Kind::rest) return out + "3";
      if (at == path.size()) return std::nullopt;
      bool literal = segment.kind == Pattern::Kind::literal;
      if (literal ? segment.text != path[at] : path[at].empty()) return std::nullopt;
      out += literal ? '1' : '2';
      ++at;
    }
    return at == path.size() ? std::optional(out + "0") : std::nullopt;
  }
};

TEST(Router, agrees_with_trying_every_route) {
  Random random(11);
  auto word = [&] { return std::string(1, static_cast<char>('a' + random.below(3))); };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> texts;
    std::vector<RouteMatch> matches;
    while (matches.size() < 25) {
      std::string text;
      for (size_t i = 0, n = random.below(5); i < n; ++i) {
        text += random.below(3) == 0 ? "/{p" + std::to_string(i) + "}" : "/" + word();
      }
      if (text.empty() || random.below(3) == 0) text += random.below(3) == 0 ? "/" : "/**";
      matches.push_back(route(text));
      if (build(matches))
        texts.push_back(text);
      else
        matches.pop_back();
      if (random.below(30) == 0) break;
    }
    auto router = build(matches);
    ASSERT_TRUE(router);
    for (int i = 0; i < 60; ++i) {
      std::string path;
      for (size_t n = random.below(6); n > 0; --n) path += "/" + word();
      if (path.empty() || random.below(4) == 0) path += "/";
      std::string best = "9", expected = "none";
      for (size_t r = 0; r < matches.size(); ++r) {
        auto rank = Reference::rank(matches[r].path, Reference::split(path));
        if (rank && *rank < best) {
          best = *rank;
          expected = std::to_string(r);
        }
      }
      std::string got = answer(*router, path);
      ASSERT_EQ(got.substr(0, got.find(' ')), expected) << path;
    }
  }
}

// Cost.

std::vector<RouteMatch> many_routes(int count) {
  std::vector<RouteMatch> out;
  for (int i = 0; i < count; ++i) {
    std::string n = std::to_string(10'000 + i);
    out.push_back(route("api.example.com/service" + n + "/users/{id}/orders"));
  }
  return out;
}

uint32_t work(const Router& router, const std::string& line) {
  Request request(line);
  Params params;
  MatchResult result = router.match(request.head(), params);
  EXPECT_EQ(result.outcome, MatchResult::Outcome::found) << line;
  return result.work;
}

TEST(Router, cost_does_not_grow_with_the_number_of_routes) {
  Router few = *build(many_routes(9)), many = *build(many_routes(10'000));
  auto path = [](int i) {
    return "api.example.com/service" + std::to_string(10'000 + i) + "/users/7/orders";
  };
  uint64_t total = 0, first_half = 0;
  uint32_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    uint32_t steps = work(many, path(i));
    total += steps;
    if (i < 5'000) first_half += steps;
    most = std::max(most, steps);
  }
  // The mean of the first half against that of the last: within 5 %.
  EXPECT_NEAR(static_cast<double>(first_half) / static_cast<double>(total - first_half), 1.0, 0.05);
  EXPECT_LE(static_cast<double>(total) / 10'000, work(few, path(0)) + 1.0);
  EXPECT_LE(most, work(few, path(0)) + 40);  // the longest probe of a half empty table
}

TEST(Router, going_back_is_bounded_by_the_trie) {
  // Every start of the path can be taken as literal or parameter, and each fails only at the end:
  // 2^10 ways, which is what these 1,024 routes spell out, and no more.
  std::vector<RouteMatch> matches;
  for (int bits = 0; bits < 1'024; ++bits) {
    std::string text;
    for (int i = 0; i < 10; ++i)
      text += (bits >> i & 1) != 0 ? "/{p" + std::to_string(i) + "}" : "/a";
    matches.push_back(route(text + "/end"));
  }
  Router router = *build(matches);
  Request request("/a/a/a/a/a/a/a/a/a/a/nowhere");
  Params params;
  MatchResult result = router.match(request.head(), params);
  EXPECT_EQ(result.outcome, MatchResult::Outcome::not_found);
  EXPECT_LE(result.work, 3u * 2'048);
}

TEST(Router, hostile_paths_cost_no_more_than_their_depth_in_the_trie) {
  std::vector<std::string> texts = {"/**",       "/{a}/**", "/{a}/{b}/**", "/a/**",
                                    "/a/{b}/**", "/a/a/**", "/{a}/a/**"};
  Router router = *build(routes(texts));
  std::string path;
  for (int i = 0; i < 4'000; ++i) path += "/a";
  EXPECT_LE(work(router, path), 40u);
  std::string host = "a";
  for (int i = 0; i < 120; ++i) host += ".a";
  EXPECT_LE(work(router, host + path), 45u);
}

TEST(Router, a_preflight_goes_where_the_request_that_it_announces_would_go) {
  auto router = build(routes({"GET /a", "PUT,OPTIONS /a", "GET /v X-Version=2", "GET /v"}));
  ASSERT_TRUE(router);
  auto matched = [&](const std::string& line, http::Method method) {
    Request request(line);
    Params params;
    MatchResult result = router->match_preflight(request.head(), method, params);
    if (result.outcome == MatchResult::Outcome::found) return std::to_string(result.route);
    return std::string(result.outcome == MatchResult::Outcome::not_found ? "none" : "405");
  };
  EXPECT_EQ(matched("OPTIONS /a", http::Method::get), "0");
  EXPECT_EQ(matched("OPTIONS /a", http::Method::put), "1");
  EXPECT_EQ(matched("OPTIONS /a", http::Method::patch), "405");
  EXPECT_EQ(matched("OPTIONS /a", http::Method::unknown), "405");
  EXPECT_EQ(matched("OPTIONS /b", http::Method::get), "none");
  EXPECT_EQ(matched("OPTIONS /v Access-Control-Request-Headers=a,x-version", http::Method::get), "2");
  EXPECT_EQ(matched("OPTIONS /v Access-Control-Request-Headers=a,x-versions", http::Method::get), "3");
  EXPECT_EQ(matched("OPTIONS /v X-Version=2", http::Method::get), "3");   // a preflight never has it
}

}  // namespace
}  // namespace sluice::route
