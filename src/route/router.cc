#include "route/router.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::route {
namespace {

// gives: the next byte of %-encoded `text` ("+" is a space, as forms encode it); moves `at` past it
char next_decoded(std::string_view text, size_t& at) {
  char c = text[at++];
  if (c == '+') return ' ';
  if (c != '%' || at + 1 >= text.size()) return c;
  int high = hex_value(text[at]), low = hex_value(text[at + 1]);
  if (high < 0 || low < 0) return c;  // no sequence: stands for itself
  at += 2;
  return static_cast<char>(high * 16 + low);
}

// Whether `text` decodes to `plain`, or if not `whole` to something that starts so.
bool decodes_to(std::string_view text, std::string_view plain, bool whole) {
  size_t at = 0, matched = 0;
  while (at < text.size() && matched < plain.size()) {
    if (next_decoded(text, at) != plain[matched++]) return false;
  }
  return matched == plain.size() && (!whole || at == text.size());
}

bool value_holds(const ValueMatch& match, std::string_view encoded) {
  if (match.kind() == ValueMatch::Kind::present) return true;
  return decodes_to(encoded, match.text(), match.kind() == ValueMatch::Kind::exact);
}

bool query_holds(const NamedMatch& match, std::string_view query) {
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    size_t equals = std::min(pair.find('='), pair.size());
    if (!decodes_to(pair.substr(0, equals), match.name, true)) continue;
    return value_holds(match.value, pair.substr(std::min(pair.size(), equals + 1)));
  }
  return false;
}

}  // namespace

std::optional<std::string_view> Params::get(std::string_view name) const noexcept {
  for (size_t i = 0; i < size_; ++i) {
    if ((*names_)[i] == name) return (*this)[i];
  }
  return std::nullopt;
}

uint32_t Router::hash(std::string_view text) {
  // Not seeded: the tables are filled from the configuration and never change, so that keys from
  // outside cannot make them worse. FNV-1a, 32 bit, its high bits folded into the low ones that
  // choose the slot.
  uint32_t state = 0x811c9dc5u;
  for (char c : text) state = (state ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return state ^ (state >> 15);
}

bool Router::Condition::holds(const http::Head& request) const noexcept {
  if (source == Source::query) return query_holds(match, request.query);
  const http::Field* field =
      id == http::FieldId::other ? request.fields.find(match.name) : request.fields.find(id);
  return field != nullptr && match.value.matches(field->value());
}

bool Router::Condition::announced(const http::Head& preflight) const noexcept {
  if (source == Source::query) return holds(preflight);
  bool found = false;
  auto list = preflight.fields.get(http::FieldId::access_control_request_headers);
  each_list_element(list.value_or(""), [&](std::string_view name) {
    found |= equals_ignore_case(name, match.name);
    return !found;
  });
  return found;
}

/// One match under way. Depth is bounded by the trie's, that is by Pattern::kSegmentsMax and the
/// labels of a configured host.
class Search {
 public:
  enum class For : uint8_t { request, preflight };
  Search(const Router& router, const http::Head& request, http::Method method, For asked, Params& params)
      : router_(router), request_(request), params_(params), method_(method), for_(asked) {
    params_.size_ = 0;
  }

  MatchResult run() {
    size_t labels = request_.host.size();
    bool done = labels > 0 && under_host(Router::kHostRoot, labels);
    if (!done && router_.any_host_ != Router::kNone) under_path_root(router_.any_host_);
    if (result_.outcome == MatchResult::Outcome::not_found) params_.size_ = 0;
    return result_;
  }

 private:
  using Node = Router::Node;
  static constexpr size_t kNoMore = std::string_view::npos;

  // Each of these gives true when the search is over: a route, or a path that decides for 405.

  // `end`: where the next label of the host ends, reading from the right; kNoMore when there is
  // none.
  bool under_host(uint32_t index, size_t end) {
    ++result_.work;
    const Node& node = router_.nodes_[index];
    if (end == kNoMore) return node.here != Router::kNone && under_path_root(node.here);
    std::string_view labels = request_.host.substr(0, end);
    size_t dot = labels.rfind('.');  // npos + 1 is 0: the first label
    uint32_t next = literal(node, labels.substr(dot + 1));
    if (next != Router::kNone && under_host(next, dot)) return true;
    return node.below != Router::kNone && under_path_root(node.below);
  }

  bool under_path_root(uint32_t index) {
    params_.size_ = 0;
    if (!request_.asterisk) return under_path(index, 1);
    ++result_.work;
    uint32_t target = literal(router_.nodes_[index], Router::kAsteriskEdge);
    return target != Router::kNone && at_leaf(router_.nodes_[target].here);
  }

  // `at`: where the next segment of the path begins; beyond the path's end when there is none.
  bool under_path(uint32_t index, size_t at) {
    ++result_.work;
    const Node& node = router_.nodes_[index];
    std::string_view path = request_.path;
    if (at > path.size()) {
      if (at_leaf(node.here)) return true;
    } else {
      size_t end = std::min(path.find('/', at), path.size());
      std::string_view segment = path.substr(at, end - at);
      uint32_t next = literal(node, segment);
      if (next != Router::kNone && under_path(next, end + 1)) return true;
      if (node.param != Router::kNone && !segment.empty()) {
        params_.push(segment);
        if (under_path(node.param, end + 1)) return true;
        params_.pop();
      }
    }
    if (node.below == Router::kNone) return false;
    params_.push(path.substr(std::min(at, path.size())));
    if (at_leaf(node.below)) return true;
    params_.pop();
    return false;
  }

  bool at_leaf(uint32_t index) {
    if (index == Router::kNone) return false;
    const Router::Leaf& leaf = router_.leaves_[index];
    for (uint32_t i = leaf.rules; i < leaf.rules + leaf.rule_count; ++i) {
      ++result_.work;
      const Router::Rule& rule = router_.rules_[i];
      if (!conditions_hold(rule)) continue;
      if (rule.methods.has(method_)) return decide(MatchResult::Outcome::found, rule.route);
      if (result_.allowed.empty()) decide(MatchResult::Outcome::method_not_allowed, rule.route);
      result_.allowed |= rule.methods;
    }
    return result_.outcome == MatchResult::Outcome::method_not_allowed;
  }

  bool decide(MatchResult::Outcome outcome, uint32_t route) {
    result_.outcome = outcome;
    result_.route = route;
    params_.names_ = &router_.params_[route];
    return true;
  }

  bool conditions_hold(const Router::Rule& rule) const {
    for (uint32_t i = rule.conditions; i < rule.conditions + rule.condition_count; ++i) {
      const Router::Condition& condition = router_.conditions_[i];
      bool holds = for_ == For::request ? condition.holds(request_) : condition.announced(request_);
      if (!holds) return false;
    }
    return true;
  }

  uint32_t literal(const Node& node, std::string_view text) {
    if (node.mask == 0) {
      for (uint32_t i = node.edges; i < node.edges + node.edge_count; ++i) {
        ++result_.work;
        if (text_of(router_.edges_[i]) == text) return router_.edges_[i].node;
      }
      return Router::kNone;
    }
    uint32_t hash = Router::hash(text);
    for (uint32_t slot = hash & node.mask;; slot = (slot + 1) & node.mask) {
      ++result_.work;
      const Router::Edge& edge = router_.edges_[node.edges + slot];
      if (edge.node == Router::kNone) return Router::kNone;  // at least half of the slots are empty
      if (edge.hash == hash && text_of(edge) == text) return edge.node;
    }
  }

  std::string_view text_of(const Router::Edge& edge) const {
    return {router_.texts_.data() + edge.text, edge.size};
  }

  const Router& router_;
  const http::Head& request_;
  Params& params_;
  http::Method method_;
  For for_;
  MatchResult result_;
};

MatchResult Router::match(const http::Head& request, Params& params) const noexcept {
  return Search(*this, request, request.method, Search::For::request, params).run();
}

MatchResult Router::match_preflight(const http::Head& request, http::Method method, Params& params) const noexcept {
  return Search(*this, request, method, Search::For::preflight, params).run();
}

}  // namespace sluice::route
