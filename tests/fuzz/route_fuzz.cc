// Patterns, hosts and the router: one pattern a line, the last line is the path asked for. What a
// pattern accepts has the form of canonical requests, and the router finds the route of a path that
// is written as its pattern.
#include <string>
#include <vector>

#include "fuzz.h"
#include "http/uri.h"
#include "route/router_builder.h"

using namespace sluice;
using namespace sluice::route;

namespace {

std::string joined(const Pattern& pattern) {
  std::string out;
  for (const Pattern::Segment& segment : pattern.segments()) out += "/" + segment.text;
  return out;
}

bool all_literal(const Pattern& pattern) {
  return pattern.params().empty() && pattern.segments()[0].kind == Pattern::Kind::literal;
}

void check_host(std::string_view text) {
  auto host = HostPattern::parse(text);
  if (!host) return;
  CLAIM(*HostPattern::parse(host->to_string()) == *host);
  BlockPool pool;
  Arena arena(pool);
  std::string_view authority, name;
  if (host->kind() != HostPattern::Kind::exact) return;
  CLAIM(http::parse_authority(text, http::Scheme::http, arena, authority, name));
  CLAIM(name == host->name());
}

MatchResult ask(const Router& router, std::string_view path, Params& params) {
  BlockPool pool;
  Arena arena(pool);
  http::Head head(arena);
  head.method = http::Method::get;
  head.path = path;
  return router.match(head, params);
}

void check_route(const Router& router, const std::vector<RouteMatch>& routes, uint32_t index) {
  const Pattern& pattern = routes[index].path;
  if (!all_literal(pattern)) return;
  std::string path = joined(pattern);
  BlockPool pool;
  Arena arena(pool);
  const http::Problem* problem = nullptr;
  CLAIM(http::canonical_path(path, http::PathProfile::encoded_slashes, arena, problem) == path);
  Params params;
  MatchResult result = ask(router, path, params);
  CLAIM(result.outcome == MatchResult::Outcome::found && result.route == index);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  std::vector<RouteMatch> routes;
  for (size_t line; routes.size() < 32 && (line = text.find('\n')) != std::string_view::npos;) {
    check_host(text.substr(0, line));
    auto pattern = Pattern::parse(text.substr(0, line));
    if (pattern) {
      routes.emplace_back();
      routes.back().path = std::move(*pattern);
    }
    text.remove_prefix(line + 1);
  }
  auto router = build(routes);
  if (!router) return 0;
  for (uint32_t i = 0; i < routes.size(); ++i) check_route(*router, routes, i);
  Params params;
  std::string path = "/" + std::string(text);
  MatchResult result = ask(*router, path, params);
  if (result.outcome != MatchResult::Outcome::found) return 0;
  CLAIM(params.size() == routes[result.route].path.params().size());
  for (size_t i = 0; i < params.size(); ++i) {
    CLAIM(params[i].data() >= path.data() &&
          params[i].data() + params[i].size() <= path.data() + path.size());
  }
  return 0;
}
