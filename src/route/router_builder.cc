#include "route/router_builder.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>

#include "base/check.h"
#include "base/text.h"

namespace sluice::route {
namespace {

constexpr size_t kRowMax = 8;  // edges compared one by one; more of them go into a hash table

bool same_name(const NamedMatch& a, const NamedMatch& b, bool header) {
  return header ? equals_ignore_case(a.name, b.name) : a.name == b.name;
}

bool list_implies(const std::vector<NamedMatch>& a, const std::vector<NamedMatch>& b, bool header) {
  return std::all_of(b.begin(), b.end(), [&](const NamedMatch& wanted) {
    return std::any_of(a.begin(), a.end(), [&](const NamedMatch& held) {
      return same_name(held, wanted, header) && held.value.implies(wanted.value);
    });
  });
}

bool list_excludes(const std::vector<NamedMatch>& a, const std::vector<NamedMatch>& b,
                   bool header) {
  return std::any_of(a.begin(), a.end(), [&](const NamedMatch& one) {
    return std::any_of(b.begin(), b.end(), [&](const NamedMatch& other) {
      return same_name(one, other, header) && one.value.excludes(other.value);
    });
  });
}

// Every request that meets the conditions of `a` meets those of `b`.
bool implies(const RouteMatch& a, const RouteMatch& b) {
  return list_implies(a.headers, b.headers, true) && list_implies(a.queries, b.queries, false);
}

// No request meets the conditions of both.
bool excludes(const RouteMatch& a, const RouteMatch& b) {
  return list_excludes(a.headers, b.headers, true) || list_excludes(a.queries, b.queries, false);
}

// Where one of two routes implies the other, the stricter one is the smaller.
std::tuple<int64_t, int64_t, int64_t> place(const RouteMatch& route) {
  int64_t strictness = 0;
  for (const NamedMatch& match : route.headers) strictness += match.value.strictness();
  for (const NamedMatch& match : route.queries) strictness += match.value.strictness();
  auto conditions = static_cast<int64_t>(route.headers.size() + route.queries.size());
  return {-int64_t{route.priority}, -conditions, -strictness};
}

std::string advice(Conflict::Kind kind) {
  switch (kind) {
    case Conflict::Kind::tie:
      return "both take the same requests: give one a priority";
    case Conflict::Kind::overlap:
      return "a request may meet the conditions of both: give one a priority";
    case Conflict::Kind::unreachable:
      return "no request is left for it: another route takes them";
    case Conflict::Kind::limit:
      return "more than 256 routes have this host and path";
  }
  return {};
}

}  // namespace

class RouterBuilder {
 public:
  explicit RouterBuilder(const std::vector<RouteMatch>& routes) : routes_(routes) { add_node(); }

  Result<Router, std::vector<Conflict>> run() {
    for (uint32_t route = 0; route < routes_.size(); ++route) add_route(route);
    for (DraftLeaf& leaf : leaves_) check(leaf);
    if (!conflicts_.empty()) return std::move(conflicts_);
    for (const DraftLeaf& leaf : leaves_) emit(leaf);
    for (size_t node = 0; node < children_.size(); ++node)
      emit_edges(router_.nodes_[node], children_[node]);
    return std::move(router_);
  }

 private:
  using Children = std::map<std::string, uint32_t, std::less<>>;
  struct DraftLeaf {
    std::string host;              // for messages
    std::vector<uint32_t> routes;  // best first once checked
  };

  void add_route(uint32_t route) {
    const RouteMatch& match = routes_[route];
    CHECK(!match.path.segments().empty());
    conditions_.push_back(narrow<uint32_t>(router_.conditions_.size()));
    emit_conditions(Router::Condition::Source::header, match.headers);
    emit_conditions(Router::Condition::Source::query, match.queries);
    router_.params_.push_back(match.path.params());
    if (match.hosts.empty()) add_to_leaf(any_root(), HostPattern(), route);
    for (const HostPattern& host : match.hosts) add_to_leaf(path_root(host), host, route);
  }

  void emit_conditions(Router::Condition::Source source, const std::vector<NamedMatch>& matches) {
    bool header = source == Router::Condition::Source::header;
    for (const NamedMatch& match : matches) {
      http::FieldId id = header ? http::field_id(match.name) : http::FieldId::other;
      router_.conditions_.push_back({source, id, match});
    }
  }

  // The trie.

  uint32_t add_node() {
    router_.nodes_.emplace_back();
    children_.emplace_back();
    return narrow<uint32_t>(children_.size() - 1);
  }

  uint32_t child(uint32_t node, std::string_view text) {
    auto at = children_[node].find(text);
    if (at != children_[node].end()) return at->second;
    uint32_t added = add_node();
    children_[node].emplace(text, added);
    return added;
  }

  uint32_t any_root() {
    if (router_.any_host_ == Router::kNone) router_.any_host_ = add_node();
    return router_.any_host_;
  }

  uint32_t path_root(const HostPattern& host) {
    if (host.kind() == HostPattern::Kind::any) return any_root();
    uint32_t node = Router::kHostRoot;
    for (std::string_view rest = host.name();;) {
      size_t dot = rest.rfind('.');  // npos + 1 is 0: the first label
      node = child(node, rest.substr(dot + 1));
      if (dot == std::string_view::npos) break;
      rest = rest.substr(0, dot);
    }
    bool exact = host.kind() == HostPattern::Kind::exact;
    uint32_t root = exact ? router_.nodes_[node].here : router_.nodes_[node].below;
    if (root != Router::kNone) return root;
    root = add_node();
    (exact ? router_.nodes_[node].here : router_.nodes_[node].below) = root;
    return root;
  }

  void add_to_leaf(uint32_t node, const HostPattern& host, uint32_t route) {
    bool rest = false;
    for (const Pattern::Segment& segment : routes_[route].path.segments()) {
      switch (segment.kind) {
        case Pattern::Kind::literal:
          node = child(node, segment.text);
          break;
        case Pattern::Kind::asterisk:
          node = child(node, Router::kAsteriskEdge);
          break;
        case Pattern::Kind::param:
          node = param_child(node);
          break;
        case Pattern::Kind::rest:
          rest = true;
          break;
      }
    }
    uint32_t leaf = rest ? router_.nodes_[node].below : router_.nodes_[node].here;
    if (leaf == Router::kNone) {
      leaf = narrow<uint32_t>(leaves_.size());
      leaves_.push_back({host.to_string(), {}});
      (rest ? router_.nodes_[node].below : router_.nodes_[node].here) = leaf;
    }
    std::vector<uint32_t>& routes = leaves_[leaf].routes;
    if (routes.empty() || routes.back() != route) routes.push_back(route);  // a host given twice
  }

  uint32_t param_child(uint32_t node) {
    if (router_.nodes_[node].param == Router::kNone) {
      uint32_t added = add_node();
      router_.nodes_[node].param = added;
    }
    return router_.nodes_[node].param;
  }

  // Routes of one host and path.

  void check(DraftLeaf& leaf) {
    std::vector<uint32_t>& routes = leaf.routes;
    if (routes.size() > kRoutesPerPathMax) {
      return report(Conflict::Kind::limit, routes[0], routes[kRoutesPerPathMax], leaf);
    }
    std::stable_sort(routes.begin(), routes.end(),
                     [&](uint32_t a, uint32_t b) { return place(routes_[a]) < place(routes_[b]); });
    for (size_t second = 1; second < routes.size(); ++second) check_against_earlier(leaf, second);
  }

  void check_against_earlier(const DraftLeaf& leaf, size_t second) {
    const RouteMatch& later = routes_[leaf.routes[second]];
    MethodSet taken;
    uint32_t taker = 0;
    for (size_t first = 0; first < second; ++first) {
      uint32_t index = leaf.routes[first];
      const RouteMatch& earlier = routes_[index];
      if (!earlier.methods.meets(later.methods) || excludes(earlier, later)) continue;
      bool equal_priority = earlier.priority == later.priority;
      bool stricter = implies(earlier, later);
      if (implies(later, earlier)) {
        if (equal_priority) {  // equally strict, or the later one would stand before it
          return report(Conflict::Kind::tie, index, leaf.routes[second], leaf);
        }
        taken |= earlier.methods;
        taker = index;
      } else if (equal_priority && !stricter) {
        report(Conflict::Kind::overlap, index, leaf.routes[second], leaf);
      }
    }
    if (taken.covers(later.methods)) {
      report(Conflict::Kind::unreachable, taker, leaf.routes[second], leaf);
    }
  }

  void report(Conflict::Kind kind, uint32_t first, uint32_t second, const DraftLeaf& leaf) {
    bool ordered = kind == Conflict::Kind::tie || kind == Conflict::Kind::overlap;
    if (ordered && first > second) std::swap(first, second);
    if (!reported_.emplace(kind, first, second).second) return;  // the pair shares several hosts
    std::string host = leaf.host == "*" ? "every host" : leaf.host;
    conflicts_.push_back(
        {kind, first, second, host + ", " + routes_[second].path.text() + ": " + advice(kind)});
  }

  // The flat form.

  void emit(const DraftLeaf& leaf) {
    router_.leaves_.push_back(
        {narrow<uint32_t>(router_.rules_.size()), narrow<uint32_t>(leaf.routes.size())});
    for (uint32_t route : leaf.routes) {
      const RouteMatch& match = routes_[route];
      router_.rules_.push_back({route, match.methods, conditions_[route],
                                narrow<uint32_t>(match.headers.size() + match.queries.size())});
    }
  }

  void emit_edges(Router::Node& node, const Children& children) {
    node.edges = narrow<uint32_t>(router_.edges_.size());
    node.edge_count = narrow<uint32_t>(children.size());
    if (children.size() <= kRowMax) {
      for (const auto& [text, target] : children) router_.edges_.push_back(edge(text, target));
      return;
    }
    size_t slots = std::bit_ceil(children.size() * 2);
    node.mask = narrow<uint32_t>(slots - 1);
    router_.edges_.resize(router_.edges_.size() + slots);
    for (const auto& [text, target] : children) {
      Router::Edge added = edge(text, target);
      uint32_t slot = added.hash & node.mask;
      while (router_.edges_[node.edges + slot].node != Router::kNone) slot = (slot + 1) & node.mask;
      router_.edges_[node.edges + slot] = added;
    }
  }

  Router::Edge edge(std::string_view text, uint32_t target) {
    uint32_t at = narrow<uint32_t>(router_.texts_.size());
    router_.texts_ += text;
    return {at, narrow<uint32_t>(text.size()), Router::hash(text), target};
  }

  const std::vector<RouteMatch>& routes_;
  Router router_;
  std::vector<Children> children_;  // of each node
  std::vector<DraftLeaf> leaves_;
  std::vector<uint32_t> conditions_;  // of each route: its first in router_.conditions_
  std::vector<Conflict> conflicts_;
  std::set<std::tuple<Conflict::Kind, uint32_t, uint32_t>> reported_;
};

Result<Router, std::vector<Conflict>> build(const std::vector<RouteMatch>& routes) {
  return RouterBuilder(routes).run();
}

}  // namespace sluice::route
