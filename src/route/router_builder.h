// Compiles the `match` of every route into a Router, or says which two routes stand in each other's
// way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "route/host_pattern.h"
#include "route/method_set.h"
#include "route/pattern.h"
#include "route/router.h"
#include "route/value_match.h"

namespace sluice::route {

/// A route's `match`, parsed.
struct RouteMatch {
  std::vector<HostPattern> hosts;  // empty: any
  Pattern path;                    // required: only Pattern::parse makes one that matches anything
  MethodSet methods = MethodSet::all();
  std::vector<NamedMatch> headers;  // all of them must hold; each name once
  std::vector<NamedMatch> queries;
  int32_t priority = 0;  // higher first, among routes of one host and path
};

/// Two routes (indices into the list given to `build`) that cannot both stand.
struct Conflict {
  enum class Kind : uint8_t {
    tie,          // same host, path and conditions, a method in common: nothing decides
    overlap,      // same host and path: a request may meet both, and neither is the stricter
    unreachable,  // `second` never matches: routes before it, `first` among them, take it all
    limit,        // more than kRoutesPerPathMax routes share the host and path of `first`
  };
  Kind kind;
  uint32_t first;  // first < second for tie and overlap
  uint32_t second;
  std::string text;  // what and where; names no route, for the caller knows their names
};

/// Routes that share one host and path are tried one after the other.
inline constexpr size_t kRoutesPerPathMax = 256;

/// gives: the router, its results being indices into `routes`
/// errors: every conflict, each pair once
/// cost: linear in the text of all patterns; quadratic in routes that share host and path
Result<Router, std::vector<Conflict>> build(const std::vector<RouteMatch>& routes);

}  // namespace sluice::route
