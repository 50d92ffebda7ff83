// The Cookie field: pairs of names and values that a user agent gives back. Source: RFC 6265 sections 4.2.1 and 5.4.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/text.h"

namespace sluice::http {

struct Cookie {
  std::string_view name;
  std::string_view value;   // without the quotes around it, if it has some
  std::string_view pair;    // the whole, as it stands there
};

/// `pair`: what stands between two semicolons, with or without spaces around it. One without "=" has no name.
Cookie parse_cookie(std::string_view pair);

/// Calls visit(Cookie) on each pair of a field's value, in order. What is no pair (";;") is none.
template <class Visit>
void each_cookie(std::string_view field, Visit visit) {
  while (!field.empty()) {
    size_t end = field.find(';');
    std::string_view pair = trim_ows(field.substr(0, end));
    field.remove_prefix(end == std::string_view::npos ? field.size() : end + 1);
    if (!pair.empty()) visit(parse_cookie(pair));
  }
}

/// gives: the field's value without the pairs of that name, the others as they were; itself when there is none
std::string_view without_cookie(std::string_view field, std::string_view name, Arena& arena);

}  // namespace sluice::http
