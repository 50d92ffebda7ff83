#include "cli/explain_match.h"

#include "policy/cors/cors.h"
#include "route/router_builder.h"
#include "snapshot/choose_route.h"

namespace sluice::cli {
namespace {

using Outcome = route::MatchResult::Outcome;
using route::RouteMatch;

constexpr size_t kOthersMax = 10;  // more candidates than anyone reads

/// Asks the router itself, about one route.
Outcome outcome_of(const RouteMatch& route, const http::Head& request) {
  auto router = route::build({route});
  if (!router) return Outcome::not_found;
  route::Params params;
  return router->match(request, params).outcome;
}

/// Only host and path; `host` null: only the path.
bool matches_place(const RouteMatch& route, const route::HostPattern* host,
                   const http::Head& request) {
  RouteMatch place;
  if (host) place.hosts.push_back(*host);
  place.path = route.path;
  return outcome_of(place, request) == Outcome::found;
}

/// The most specific of its hosts that the request meets: 2 exact, 1 wildcard, 0 any; then by
/// length.
struct HostFit {
  bool fits = false;
  int kind = 0;
  size_t size = 0;
  std::string text = "any host";
};

HostFit host_fit(const RouteMatch& route, const http::Head& request) {
  HostFit best;
  if (route.hosts.empty()) best.fits = matches_place(route, nullptr, request);
  for (const route::HostPattern& host : route.hosts) {
    if (!matches_place(route, &host, request)) continue;
    int kind = 2 - static_cast<int>(host.kind());
    if (best.fits && (kind < best.kind || (kind == best.kind && host.name().size() < best.size)))
      continue;
    best = {true, kind, host.name().size(), "host " + host.to_string()};
  }
  return best;
}

std::string value_text(const route::NamedMatch& match) {
  return match.name + " = \"" + config::TextForm<route::ValueMatch>::print(match.value) + "\"";
}

std::string methods_text(const RouteMatch& route) {
  if (route.methods == route::MethodSet::all()) return "any method";
  BlockPool blocks;
  Arena arena(blocks);
  return "methods " + std::string(route::allow_text(route.methods, arena));
}

/// What a route asks for, in the words of the file.
std::string demands(const RouteMatch& route, const HostFit& host) {
  std::string out = host.text + ", path " + route.path.text() + ", " + methods_text(route);
  for (const auto& header : route.headers) out += ", header " + value_text(header);
  for (const auto& query : route.queries) out += ", query " + value_text(query);
  if (route.priority != 0) out += ", priority " + std::to_string(route.priority);
  return out;
}

/// gives: the first condition that does not hold, or empty
std::string failed_condition(const RouteMatch& route, const http::Head& request) {
  RouteMatch one;
  one.path = route.path;
  for (const auto& header : route.headers) {
    one.headers = {header};
    if (outcome_of(one, request) != Outcome::found)
      return "header " + value_text(header) + " does not hold";
  }
  one.headers.clear();
  for (const auto& query : route.queries) {
    one.queries = {query};
    if (outcome_of(one, request) != Outcome::found)
      return "query " + value_text(query) + " does not hold";
  }
  return "";
}

/// Where `other`, which meets host and path too, falls behind the chosen one.
std::string why_not(const RouteMatch& chosen, const RouteMatch& other, const http::Head& request) {
  HostFit first = host_fit(chosen, request);
  HostFit second = host_fit(other, request);
  if (std::pair(second.kind, second.size) < std::pair(first.kind, first.size))
    return "its host is less specific";
  if (other.path.text() != chosen.path.text()) return "its path is less specific";
  if (std::string failed = failed_condition(other, request); !failed.empty()) return failed;
  if (!other.methods.has(request.method))
    return "it does not take " + std::string(http::method_name(request.method));
  if (other.priority < chosen.priority) return "its priority is lower";
  return "its conditions are fewer or less strict";
}

class Explanation {
 public:
  Explanation(const snapshot::Snapshot& snapshot, const http::Head& request)
      : snapshot_(&snapshot), request_(&request) {
    for (const auto& section : snapshot.config.route)
      matches_.push_back(route::compile(section.value.route));
    route::Params params;
    result_ = snapshot::choose_route(snapshot, request, params);
    for (size_t i = 0; i < params.size(); ++i) {
      values_ += "  " + snapshot.router.params(result_.route)[i] + " = \"" +
                 std::string(params[i]) + "\"\n";
    }
  }

  std::string text() const {
    switch (result_.outcome) {
      case Outcome::found:
        if (is_for_preflight()) return decision("answers this preflight") + values_;
        return decision("matches") + values_ + others();
      case Outcome::method_not_allowed:
        return decision("has the path, but not the method") + others();
      case Outcome::not_found:
        break;
    }
    return "no route matches host " + std::string(request_->host) + " and path " +
           std::string(request_->path) + "\n" + near_misses();
  }

 private:
  bool is_for_preflight() const {
    return policy::is_preflight(*request_) && snapshot_->routes[result_.route].part->answers_preflights;
  }
  const std::string& name(size_t route) const { return snapshot_->routes[route].part->name; }
  std::string decision(const char* verb) const {
    const RouteMatch& chosen = matches_[result_.route];
    return "route " + name(result_.route) + " " + verb + ": " +
           demands(chosen, host_fit(chosen, *request_)) + "\n";
  }

  template <class Why>
  std::string list(Why why) const {
    std::string out;
    size_t count = 0;
    for (size_t i = 0; i < matches_.size(); ++i) {
      std::string reason = why(i);
      if (reason.empty() || ++count > kOthersMax) continue;
      out += "  not " + name(i) + " (" + demands(matches_[i], host_fit(matches_[i], *request_)) +
             "): " + reason + "\n";
    }
    if (count > kOthersMax) out += "  and " + std::to_string(count - kOthersMax) + " more\n";
    return out;
  }

  std::string others() const {
    return list([this](size_t i) -> std::string {
      if (i == result_.route || !host_fit(matches_[i], *request_).fits) return "";
      return why_not(matches_[result_.route], matches_[i], *request_);
    });
  }

  std::string near_misses() const {
    return list([this](size_t i) -> std::string {
      if (!matches_place(matches_[i], nullptr, *request_)) return "";
      if (host_fit(matches_[i], *request_).fits) return failed_condition(matches_[i], *request_);
      std::string hosts;
      for (const auto& host : matches_[i].hosts)
        hosts += (hosts.empty() ? "" : ", ") + host.to_string();
      return "it is for host " + hosts;
    });
  }

  const snapshot::Snapshot* snapshot_;
  const http::Head* request_;
  std::vector<RouteMatch> matches_;  // by the router's index
  route::MatchResult result_;
  std::string values_;
};

}  // namespace

std::string explain_match(const snapshot::Snapshot& snapshot, const http::Head& request) {
  return Explanation(snapshot, request).text();
}

}  // namespace sluice::cli
