#include "policy/claim_value.h"

#include "base/text.h"

namespace sluice::policy {
namespace {

// `json`: a whole value. A text loses its quotes, all else is as it stands.
std::optional<Claim> claim_from(std::string_view name, std::string_view json) {
  if (json.empty()) return std::nullopt;
  if (json.front() == '[') return Claim{name, json, Claim::Form::list};
  if (json.front() == '{') return Claim{name, json, Claim::Form::object};
  if (json.front() != '"') return Claim{name, json};
  bool whole = json.size() >= 2 && json.ends_with('"');
  if (!whole || json.find('\\') != std::string_view::npos) return std::nullopt;
  return Claim{name, json.substr(1, json.size() - 2)};
}

std::optional<Claim> path_value(const Claim& outer, std::string_view path);

// gives: the whole of member `name`, or what the path `rest` leads to from there
std::optional<Claim> member_value(std::string_view object, std::string_view name, std::string_view rest) {
  for (size_t at = 1; at < object.size();) {
    size_t end = json_end(object, at);
    std::string_view member = trim_ows(object.substr(at, end - at));
    at = end + 1;
    if (!member.starts_with('"') || !member.substr(1).starts_with(name)) continue;
    std::string_view value = member.substr(1 + name.size());
    if (!value.starts_with('"')) continue;
    value = trim_ows(value.substr(1));
    if (!value.starts_with(':')) continue;
    value = trim_ows(value.substr(1));
    std::optional<Claim> claim = claim_from(name, value);
    return rest.empty() || !claim ? claim : path_value(*claim, rest);
  }
  return std::nullopt;
}

std::optional<Claim> path_value(const Claim& outer, std::string_view path) {
  if (outer.form != Claim::Form::object) return std::nullopt;
  if (auto whole = member_value(outer.value, path, {})) return whole;
  size_t dot = path.find('.');
  if (dot == path.npos || dot + 1 == path.size()) return std::nullopt;
  return member_value(outer.value, path.substr(0, dot), path.substr(dot + 1));
}

}  // namespace

std::optional<Claim> claim_value(const Identity& identity, std::string_view name) {
  if (const Claim* claim = identity.claim(name)) return *claim;
  size_t dot = name.find('.');
  if (dot == name.npos || dot + 1 == name.size()) return std::nullopt;
  const Claim* outer = identity.claim(name.substr(0, dot));
  return outer ? path_value(*outer, name.substr(dot + 1)) : std::nullopt;
}

size_t json_end(std::string_view json, size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < json.size(); ++at) {
    char c = json[at];
    if (quoted) {
      if (c == '\\') ++at;
      quoted = c != '"';
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']' || c == '}')) return at;
    quoted = c == '"';
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
  }
  return json.size();
}

}  // namespace sluice::policy
