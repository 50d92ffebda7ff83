// One canonical request gives one decision (F3): targets as clients and attackers spell them,
// through http/uri and the router together.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/uri.h"
#include "route_text.h"

namespace sluice::route {
namespace {

using http::PathProfile;

// What the router says to a raw target and Host, or "refused" when it has no canonical form.
std::string decision(const Router& router, std::string_view target, std::string_view host = "a.com",
                     PathProfile profile = PathProfile::strict) {
  BlockPool pool;
  Arena arena(pool);
  http::Head head(arena);
  head.method = target == "*" ? http::Method::options : http::Method::get;
  head.target = target;
  if (http::parse_target(arena, profile, &host, head) != nullptr) return "refused";
  Params params;
  MatchResult result = router.match(head, params);
  if (result.outcome != MatchResult::Outcome::found) return "none";
  std::string out = std::to_string(result.route);
  for (size_t i = 0; i < params.size(); ++i) out += " " + std::string(params[i]);
  return out;
}

Router guarded() {
  return *build(
      routes({"a.com/admin/**", "a.com/admin", "a.com/public/{file}", "a.com/**", "*.b.com/**"}));
}

TEST(Canonical, every_spelling_of_a_path_gives_the_same_decision) {
  Router router = guarded();
  struct {
    std::string_view target, decision;
  } cases[] = {
      {"/admin", "1"},
      {"/admin/x", "0 x"},
      {"/%61dmin/x", "0 x"},
      {"/%61%64%6D%69%6e/x", "0 x"},
      {"/./admin/x", "0 x"},
      {"/%2e/admin/x", "0 x"},
      {"/public/../admin/x", "0 x"},
      {"/public/%2e%2E/admin/x", "0 x"},
      {"/public/.%2e/admin/x", "0 x"},
      {"/admin/x?y=/../z", "0 x"},
      {"/admin/?", "0 "},
      {"/admin/.", "0 "},
      {"/admin/x/..", "0 "},
      {"/admin/..", "3 "},
      {"http://a.com/admin/x", "0 x"},
      {"HTTP://A.COM/%61dmin/x", "0 x"},
      {"http://a.com", "3 "},
      {"/admin;v=1/x", "3 admin;v=1/x"},  // a parameter is part of its segment
      {"/admin%3Bv=1/x", "3 admin%3Bv=1/x"},
      {"/ADMIN/x", "3 ADMIN/x"},  // paths have a case
      {"/admin%20/x", "3 admin%20/x"},
      {"/public/a%20b", "2 a%20b"},
      {"/public/", "3 public/"},
  };
  for (auto [target, expected] : cases) EXPECT_EQ(decision(router, target), expected) << target;
}

TEST(Canonical, what_two_parsers_could_read_differently_is_refused) {
  Router router = guarded();
  for (std::string_view target : {"/public%2f..%2fadmin/x",
                                  "/public%2Fx",
                                  "/admin%5cx",
                                  "/public\\..\\admin",
                                  "//admin/x",
                                  "/public//x",
                                  "/admin#x",
                                  "/%00admin",
                                  "/admin%00",
                                  "/admin%0d%0aX",
                                  "/admin%7f",
                                  "/admin%",
                                  "/admin%6",
                                  "/admin%zz",
                                  "/..",
                                  "/../admin",
                                  "/%2e%2e/admin",
                                  "/public/..;/admin",
                                  "/public/..;x/admin",
                                  "/public/%2e%2e%3b/admin",
                                  "/ad min",
                                  "/admin<",
                                  "/admin\"",
                                  "/{x}",
                                  "/caf\xC3\xA9",
                                  "admin",
                                  ""}) {
    EXPECT_EQ(decision(router, target), "refused") << target;
  }
}

TEST(Canonical, every_spelling_of_a_host_gives_the_same_decision) {
  Router router = guarded();
  struct {
    std::string_view host, decision;
  } cases[] = {
      {"a.com", "0 x"},
      {"A.Com", "0 x"},
      {"a.com.", "0 x"},
      {"a.com:80", "0 x"},
      {"a.com:8443", "0 x"},
      {"x.b.com", "4 admin/x"},
      {"X.B.com.:1", "4 admin/x"},
      {"b.com", "none"},
      {"xa.com", "none"},
      {"a.com.b.com", "4 admin/x"},
      {"a.com..", "refused"},
      {".a.com", "refused"},
      {".b.com", "refused"},
      {"a.com@x.b.com", "refused"},
      {"a.com/x", "refused"},
      {"a.com, x.b.com", "refused"},
      {"a.com x", "refused"},
      {"a.com:", "refused"},
      {"a.com:x", "refused"},
  };
  for (auto [host, expected] : cases)
    EXPECT_EQ(decision(router, "/admin/x", host), expected) << host;
}

TEST(Canonical, a_target_that_contradicts_host_is_refused) {
  Router router = guarded();
  EXPECT_EQ(decision(router, "http://x.b.com/admin", "x.b.com:80"), "4 admin");
  EXPECT_EQ(decision(router, "http://x.b.com/admin", "a.com"), "refused");
}

TEST(Canonical, named_profiles_change_slashes_only) {
  Router router = guarded();
  EXPECT_EQ(decision(router, "//admin///x", "a.com", PathProfile::merge_slashes), "0 x");
  EXPECT_EQ(decision(router, "/public%2fadmin", "a.com", PathProfile::merge_slashes), "refused");
  EXPECT_EQ(decision(router, "/public/a%2fb", "a.com", PathProfile::encoded_slashes), "2 a%2Fb");
  EXPECT_EQ(decision(router, "/admin%2fx", "a.com", PathProfile::encoded_slashes), "3 admin%2Fx");
  EXPECT_EQ(decision(router, "//admin/x", "a.com", PathProfile::encoded_slashes), "refused");
}

// A literal written in a pattern has the form that the same text has in a request.
TEST(Canonical, patterns_and_requests_share_one_form) {
  BlockPool pool;
  Arena arena(pool);
  for (int c = 0; c < 256; ++c) {
    char raw[] = {'/', 'a', static_cast<char>(c), 'b', '\0'};
    char encoded[16];
    snprintf(encoded, sizeof encoded, "/a%%%02xb", static_cast<unsigned>(c));
    for (std::string_view text : {std::string_view(raw, 4), std::string_view(encoded)}) {
      const http::Problem* problem = nullptr;
      std::string_view path =
          http::canonical_path(text, PathProfile::encoded_slashes, arena, problem);
      auto pattern = Pattern::parse(text);
      bool convenience =
          c >= 0x80 && text.size() == 4;  // raw UTF-8: a pattern may, a request may not
      bool star = text == "/a*b";         // a pattern keeps "*" for itself
      if (convenience || star) continue;
      EXPECT_EQ(bool(pattern), problem == nullptr) << text;
      if (!pattern || problem != nullptr) continue;
      std::string joined;
      for (const auto& segment : pattern->segments()) joined += "/" + segment.text;
      EXPECT_EQ(joined, path);
    }
  }
}

TEST(Canonical, the_asterisk_reaches_its_own_route_only) {
  EXPECT_EQ(decision(guarded(), "*"), "none");
  EXPECT_EQ(decision(*build(routes({"a.com/**", "*"})), "*"), "1");
}

}  // namespace
}  // namespace sluice::route
