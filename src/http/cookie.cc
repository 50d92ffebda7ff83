#include "http/cookie.h"

namespace sluice::http {

Cookie parse_cookie(std::string_view pair) {
  pair = trim_ows(pair);
  size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return {{}, pair};
  std::string_view value = trim_ows(pair.substr(equals + 1));
  bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return {trim_ows(pair.substr(0, equals)), quoted ? value.substr(1, value.size() - 2) : value};
}

std::string_view without_cookie(std::string_view field, std::string_view name, Arena& arena) {
  bool there = false;
  each_cookie(field, [&](const Cookie& cookie) { there |= cookie.name == name; });
  if (!there) return field;
  char* text = arena.text(2 * field.size());   // a space may come behind every semicolon
  size_t size = 0;
  while (!field.empty()) {
    size_t end = field.find(';');
    std::string_view pair = trim_ows(field.substr(0, end));
    field.remove_prefix(end == std::string_view::npos ? field.size() : end + 1);
    if (pair.empty() || parse_cookie(pair).name == name) continue;
    if (size > 0) size += std::string_view("; ").copy(text + size, 2);
    size += pair.copy(text + size, pair.size());
  }
  return {text, size};
}

}  // namespace sluice::http
