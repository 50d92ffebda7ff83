#include "policy/signature/signed_message.h"

#include "base/text.h"

namespace sluice::policy {
namespace {

std::string_view decimal(uint64_t value, Arena& arena) {
  char* begin = arena.text(20);
  char* end = write_decimal(begin, value);
  arena.shrink(end);
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::string_view scheme_name(http::Scheme scheme) {
  return scheme == http::Scheme::https ? "https" : "http";
}

TargetParts split_target(const http::Head& head) {
  TargetParts parts;
  std::string_view rest = head.target;
  if (!rest.starts_with('/')) {
    size_t scheme = rest.find("://");
    parts.is_absolute = scheme != rest.npos;
    size_t begin = parts.is_absolute ? rest.find_first_of("/?", scheme + 3) : rest.npos;
    rest = begin == rest.npos ? std::string_view{} : rest.substr(begin);
  }
  size_t question = rest.find('?');
  parts.path = rest.substr(0, question);
  parts.has_query = question != rest.npos;
  if (parts.has_query) parts.query = rest.substr(question + 1);
  if (parts.path.empty()) parts.path = "/";
  return parts;
}

std::optional<std::string_view> whole_field(const http::Head& head, std::string_view name,
                                            size_t bytes_max) {
  Arena& arena = head.fields.arena();
  if (name == "host") {
    return head.authority.empty() ? std::nullopt : std::optional(head.authority);
  }
  if (name == "content-length") {
    if (!head.content_length) return std::nullopt;
    return decimal(*head.content_length, arena);
  }
  size_t count = 0;
  size_t bytes = 0;
  std::string_view first;
  for (const http::Field& field : head.fields) {
    if (!equals_ignore_case(field.name(), name)) continue;
    if (count++ == 0) first = trim_ows(field.value());
    bytes += field.value().size() + 2;
  }
  if (count == 0 || bytes > bytes_max + 2) return std::nullopt;
  if (count == 1) return first;
  char* out = arena.text(bytes);
  size_t size = 0;
  bool at_first = true;
  for (const http::Field& field : head.fields) {
    if (!equals_ignore_case(field.name(), name)) continue;
    if (!at_first) size += std::string_view(", ").copy(out + size, 2);
    at_first = false;
    std::string_view value = trim_ows(field.value());
    size += value.copy(out + size, value.size());
  }
  return std::string_view{out, size};
}

}  // namespace sluice::policy
