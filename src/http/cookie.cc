#include "http/cookie.h"

namespace sluice::http {

Cookie parse_cookie(std::string_view pair) {
  pair = trim_ows(pair);
  size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return {{}, pair, pair};
  std::string_view value = trim_ows(pair.substr(equals + 1));
  bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return {trim_ows(pair.substr(0, equals)), quoted ? value.substr(1, value.size() - 2) : value, pair};
}

std::string_view without_cookie(std::string_view field, std::string_view name, Arena& arena) {
  bool there = false;
  each_cookie(field, [&](const Cookie& cookie) { there |= cookie.name == name; });
  if (!there) return field;
  char* text = arena.text(2 * field.size());   // a space may come behind every semicolon
  size_t size = 0;
  each_cookie(field, [&](const Cookie& cookie) {
    if (cookie.name == name) return;
    if (size > 0) size += std::string_view("; ").copy(text + size, 2);
    size += cookie.pair.copy(text + size, cookie.pair.size());
  });
  return {text, size};
}

}  // namespace sluice::http
