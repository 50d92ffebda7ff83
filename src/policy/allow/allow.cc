#include "policy/allow/allow.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "policy/allow/problems.h"
#include "policy/claim_value.h"
#include "policy/facts.h"

namespace sluice::policy {

using http::Method;

namespace {

uint32_t bit(Method method) { return uint32_t{1} << static_cast<unsigned>(method); }

template <class Has>
bool any_of(const std::vector<std::string>& wanted, Has has) {
  return wanted.empty() || std::ranges::any_of(wanted, has);
}

// "sub" is known of everybody, whether or not a token says it.
std::string_view value_of(const config::Fact& fact, const Call& call) {
  if (auto value = fact_value(fact, call)) return *value;
  bool subject = fact.kind == config::Fact::Kind::claim && fact.name == "sub";
  return subject && call.identity() ? call.identity()->subject : std::string_view{};
}

void add_words(std::string_view what, const std::vector<std::string>& values, std::string& out) {
  if (values.empty()) return;
  out += (out.empty() ? "" : ", ") + std::string(what);
  for (const std::string& value : values) out += (&value == values.data() ? " " : "|") + value;
}

}  // namespace

bool claim_has(const Claim& claim, std::string_view wanted) {
  if (claim.form != Claim::Form::list) return claim.value == wanted;
  std::string_view list = claim.value;
  for (size_t at = 1; at < list.size();) {
    size_t end = json_end(list, at);
    std::string_view element = trim_ows(list.substr(at, end - at));
    // An element with escapes matches nothing: that refuses, and names of groups have none.
    if (element.size() >= 2 && element.front() == '"' && element.find('\\') == std::string_view::npos)
      element = element.substr(1, element.size() - 2);
    if (!element.empty() && element == wanted) return true;
    at = end + 1;
  }
  return false;
}

bool segment_is(std::string_view segment, std::string_view plain) {
  size_t at = 0;
  for (char c : plain) {
    if (at >= segment.size()) return false;
    char decoded = segment[at++];
    if (decoded == '%' && at + 1 < segment.size()) {
      int high = hex_value(segment[at]), low = hex_value(segment[at + 1]);
      if (high >= 0 && low >= 0) {
        decoded = static_cast<char>(high * 16 + low);
        at += 2;
      }
    }
    if (decoded != c) return false;
  }
  return at == segment.size() && !plain.empty();
}

Allow::Rule::Rule(const AllowRule& from, std::string given)
    : name(std::move(given)), scopes(from.scopes), roles(from.roles), groups(from.groups), time(from.time),
      empty(from.empty()) {
  for (const auto& item : from.claims) claims.emplace_back(item.name, item.value);
  for (const auto& item : from.path) path.emplace_back(item.name, item.value.value);
  for (const Cidr& range : from.ips) ips.add(range);
  std::vector<std::string> names, ranges;
  for (const MethodName& method : from.methods) {
    methods |= bit(method.value) | (method.value == Method::get ? bit(Method::head) : 0);
    names.emplace_back(http::method_name(method.value));
  }
  for (const Cidr& range : from.ips) ranges.push_back(range.to_string());
  for (const std::string& scope : scopes) add_words("scope", {scope}, text);
  add_words("role", roles, text);
  add_words("group", groups, text);
  for (const auto& [claim, values] : claims) add_words("claim." + claim, values, text);
  add_words("method", names, text);
  for (const auto& item : from.path)
    add_words("path." + item.name, {config::TextForm<config::Fact>::print(item.value.value)}, text);
  add_words("from", ranges, text);
  if (time) text += text.empty() ? "at certain times" : ", at certain times";
}

bool Allow::Rule::holds_identity(const Identity& identity) const {
  auto held = [&](const auto& one) {
    std::optional<Claim> claim = claim_value(identity, one.first);
    return claim && std::ranges::any_of(one.second, [&](const auto& value) { return claim_has(*claim, value); });
  };
  return any_of(roles, [&](const auto& role) { return identity.has_role(role); }) &&
         any_of(groups, [&](const auto& group) {
           return std::ranges::find(identity.groups, group) != identity.groups.end();
         }) &&
         std::ranges::all_of(claims, held);
}

bool Allow::Rule::has_scopes(const Identity& identity) const {
  return std::ranges::all_of(scopes, [&](const auto& scope) { return identity.has_scope(scope); });
}

bool Allow::Rule::holds_path(const Call& call) const {
  return std::ranges::all_of(path, [&](const auto& bound) {
    auto params = call.params();
    auto param = std::ranges::find(params, bound.first, &Param::name);
    return param != params.end() && segment_is(param->value, value_of(bound.second, call));
  });
}

bool Allow::Rule::holds_beside_scopes(const Call& call) const {
  if (empty || call.identity() == nullptr) return false;
  if (methods != 0 && (methods & bit(call.request().method)) == 0) return false;
  if (!ips.empty() && !ips.contains(call.client().ip)) return false;
  if (!holds_identity(*call.identity()) || !holds_path(call)) return false;
  return !time || time->holds(call.clock().wall());
}

Allow::Allow(const AllowConfig& config, uint32_t metric)
    : metric_(metric), shadow_(config.shadow) {
  for (const AllowRule& rule : config.rules()) {
    std::string name = config.any.empty() ? "allow" : "allow." + std::to_string(rules_.size() + 1);
    rules_.emplace_back(rule, rule.name.value.empty() ? name : rule.name.value);
    asks_scopes_ |= !rule.scopes.empty();
  }
  refusing_ = rules_.size() == 1 ? rules_.front().name : "allow";
  if (shadow_) refusing_ += " (shadow)";   // it did not decide: the request passes
}

std::string Allow::describe() const {
  std::string out;
  for (const Rule& rule : rules_) out += (out.empty() ? "" : "; or ") + rule.name + " (" + rule.text + ")";
  return out + (shadow_ ? "; shadow only" : "");
}

Verdict Allow::on_request(Call& call) const {
  for (const Rule& rule : rules_) {
    if (!rule.holds(call)) continue;
    call.findings().rule = rule.name;
    return Verdict::pass();
  }
  call.findings().rule = refusing_;
  if (!shadow_) {
    if (asks_scopes_ && lacks_scopes_only(call)) {
      std::string_view start = call.arena().join("Bearer realm=\"", call.identity()->authenticator);
      call.scratch() = call.arena().make<std::string_view>(call.arena().join(start, "\", error=\"insufficient_scope\""));
    }
    return Verdict::refuse(kNotAllowed);
  }
  call.shard().route(metric_).shadow_refusals.add();
  LOG(info, "allow in shadow mode would have refused", kv("route", call.route()),
      kv("client", call.client().ip.to_string()), kv("request_id", call.request_id()));
  return Verdict::pass();
}

// Only of bearer tokens: no other kind of credential can be had with more scopes.
bool Allow::lacks_scopes_only(const Call& call) const {
  const Identity* identity = call.identity();
  if (identity == nullptr || (identity->method != "jwt" && identity->method != "introspection")) return false;
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return !rule.scopes.empty() && rule.holds_beside_scopes(call); });
}

void Allow::on_response(Call& call, http::Head& response) const {
  const auto* challenge = static_cast<const std::string_view*>(call.scratch());
  if (challenge != nullptr && response.status == 403) response.fields.add("WWW-Authenticate", *challenge);
}

}  // namespace sluice::policy
