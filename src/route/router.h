// From a request to a route, by specificity, never by the order in the file. Immutable once built
// (router_builder.h); pure, no I/O, no allocation, shared by all workers.
//
// Order: exact host over wildcard (longest suffix first) over any; then path segments from left to
// right, literal over parameter over `**`, with backtracking; then, among routes of one host and
// path, priority, number of header and query conditions, strictness of them. A route without host
// is for every host: where the more specific host has no route for the path, the less specific host
// is asked. The path decides before the method: a wrong method is 405, never a less specific route.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "route/method_set.h"
#include "route/pattern.h"
#include "route/value_match.h"

namespace sluice::route {

/// What the path captured. Values view Head::path, names the Router: valid while both are.
class Params {
 public:
  size_t size() const { return size_; }
  /// needs: index < size(), from Pattern::param_index
  std::string_view operator[](size_t index) const { return {values_[index].data, values_[index].size}; }
  /// "**" names the tail: what follows "/a/" in a match of "/a/**", empty for /a and /a/.
  std::optional<std::string_view> get(std::string_view name) const noexcept;

 private:
  friend class Search;
  /// A string_view that is not written before it is needed: most paths capture two values, not all.
  struct Value {
    const char* data;
    size_t size;
  };
  void push(std::string_view value) { values_[size_++] = {value.data(), value.size()}; }
  void pop() { --size_; }

  std::array<Value, Pattern::kParamsMax> values_;
  const std::vector<std::string>* names_ = nullptr;
  uint8_t size_ = 0;
};

struct MatchResult {
  enum class Outcome : uint8_t { not_found, method_not_allowed, found };
  Outcome outcome = Outcome::not_found;
  /// Index into the list that the router was built from. For method_not_allowed the first route of
  /// that path, for its log name and header rules; meaningless for not_found.
  uint32_t route = 0;
  /// method_not_allowed: what Allow says.
  MethodSet allowed;
  /// Trie nodes and edges looked at: the cost, as tests count it.
  uint32_t work = 0;
};

class Router {
 public:
  /// needs: `request` in its canonical form (http/uri.h)
  /// cost: each trie node is looked at once at most, so no path makes it exponential; for the usual
  /// route set about two nodes a segment, however many routes there are
  MatchResult match(const http::Head& request, Params& params) const noexcept;

  /// For a CORS preflight: where the request that it announces would go. Its method is `method`; a condition on a
  /// header field holds when the field is among those announced, for its value is not known yet.
  MatchResult match_preflight(const http::Head& request, http::Method method, Params& params) const noexcept;

  size_t size() const { return params_.size(); }
  /// Names captured by a route, as Pattern::params().
  const std::vector<std::string>& params(uint32_t route) const { return params_[route]; }

 private:
  friend class RouterBuilder;
  friend class Search;
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kHostRoot = 0;  // the first node
  static constexpr std::string_view kAsteriskEdge =
      "/";  // "*" as an edge: no segment holds a slash

  /// In the trie of host labels (read from the right) `here` and `below` are path roots for the
  /// exact host and for all names below it; in a path trie they are leaves: the path ends here, or
  /// `**` takes the rest.
  struct Node {
    uint32_t edges = 0;  // first in edges_
    uint32_t edge_count = 0;
    uint32_t mask = 0;  // 0: edges in a row; else a hash table of mask + 1 slots
    uint32_t param = kNone;
    uint32_t here = kNone;
    uint32_t below = kNone;
  };
  struct Edge {
    uint32_t text = 0;  // offset in texts_
    uint32_t size = 0;
    uint32_t hash = 0;
    uint32_t node = kNone;  // kNone: an empty slot
  };
  struct Leaf {
    uint32_t rules = 0;  // first in rules_, best first
    uint32_t rule_count = 0;
  };
  struct Rule {
    uint32_t route = 0;
    MethodSet methods;
    uint32_t conditions = 0;  // first in conditions_
    uint32_t condition_count = 0;
  };
  struct Condition {
    enum class Source : uint8_t { header, query };
    Source source;
    http::FieldId id;  // header: other when the name is not interned
    NamedMatch match;
    bool holds(const http::Head& request) const noexcept;
    bool announced(const http::Head& preflight) const noexcept;
  };
  static uint32_t hash(std::string_view text);

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<Leaf> leaves_;
  std::vector<Rule> rules_;
  std::vector<Condition> conditions_;
  std::vector<std::vector<std::string>> params_;  // by route
  std::string texts_;
  uint32_t any_host_ = kNone;  // path root of routes for every host
};

}  // namespace sluice::route
