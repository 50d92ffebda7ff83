#include "route/method_set.h"

#include <cstring>

namespace sluice::route {

std::string_view allow_text(MethodSet methods, Arena& arena) {
  size_t bytes = 0;
  for (int i = 0; i < http::kMethodCount; ++i) {
    auto method = static_cast<http::Method>(i);
    if (methods.has(method)) bytes += http::method_name(method).size() + 2;
  }
  if (bytes == 0) return {};
  char* begin = arena.text(bytes);
  char* out = begin;
  for (int i = 0; i < http::kMethodCount; ++i) {
    auto method = static_cast<http::Method>(i);
    if (!methods.has(method)) continue;
    std::string_view name = http::method_name(method);
    std::memcpy(out, name.data(), name.size());
    std::memcpy(out + name.size(), ", ", 2);
    out += name.size() + 2;
  }
  return {begin, bytes - 2};
}

}  // namespace sluice::route
