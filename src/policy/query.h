// Parameters of a query, as they stand there: nothing is decoded, so that a name has one spelling.
#pragma once

#include <string_view>

#include "base/arena.h"

namespace sluice::policy {

struct QueryParameter {
  std::string_view name;
  std::string_view value;
  std::string_view whole;   // both, and what is between them
};

template <class Visit>
void each_query_parameter(std::string_view query, Visit visit) {
  while (!query.empty()) {
    size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    size_t equals = pair.find('=');
    visit(QueryParameter{pair.substr(0, equals),
                         equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), pair});
  }
}

/// gives: the query without every parameter of that name; itself when there is none
inline std::string_view without_query_parameter(std::string_view query, std::string_view name, Arena& arena) {
  bool there = false;
  each_query_parameter(query, [&](const QueryParameter& parameter) { there |= parameter.name == name; });
  if (!there) return query;
  char* text = arena.text(query.size());
  size_t size = 0;
  each_query_parameter(query, [&](const QueryParameter& parameter) {
    if (parameter.name == name) return;
    if (size > 0) text[size++] = '&';
    size += parameter.whole.copy(text + size, parameter.whole.size());
  });
  return {text, size};
}

}  // namespace sluice::policy
