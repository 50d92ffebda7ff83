#include "proxy/grpc.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::proxy {

bool is_grpc(const http::Head& request) {
  constexpr std::string_view kType = "application/grpc";
  std::string_view type = request.fields.get(http::FieldId::content_type).value_or("");
  if (!starts_with_ignore_case(type, kType)) return false;
  return type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';';
}

std::optional<Duration> grpc_timeout(const http::Fields& fields) {
  std::string_view value = fields.get("grpc-timeout").value_or("");
  constexpr size_t kDigitsMax = 8;
  if (value.size() < 2 || value.size() > kDigitsMax + 1) return std::nullopt;
  std::optional<uint64_t> count = parse_decimal(value.substr(0, value.size() - 1));
  if (!count) return std::nullopt;
  auto times = static_cast<int64_t>(*count);
  switch (value.back()) {
    case 'H': return std::chrono::hours(std::min<int64_t>(times, 24 * 365));   // more would not fit
    case 'M': return std::chrono::minutes(times);
    case 'S': return std::chrono::seconds(times);
    case 'm': return std::chrono::milliseconds(times);
    case 'u': return std::chrono::microseconds(times);
    case 'n': return std::chrono::nanoseconds(times);
    default: return std::nullopt;
  }
}

// As gRPC's own table of HTTP statuses has it, and finer where the gateway knows more.
std::string_view grpc_status(const http::Problem& problem) {
  switch (problem.status) {
    case 400: return "13";             // INTERNAL
    case 401: return "16";             // UNAUTHENTICATED
    case 403: return "7";              // PERMISSION_DENIED
    case 404: return "12";             // UNIMPLEMENTED
    case 413: case 431: return "8";    // RESOURCE_EXHAUSTED
    case 504: return "4";              // DEADLINE_EXCEEDED
    case 429: case 502: case 503: return "14";   // UNAVAILABLE: it may be asked again
    default: return "2";               // UNKNOWN
  }
}

std::string_view grpc_message(std::string_view text, Arena& arena) {
  size_t percents = 0;
  for (char c : text) percents += c == '%' ? 1 : 0;
  if (percents == 0) return text;
  char* out = arena.text(text.size() + 2 * percents);
  char* end = out;
  for (char c : text) {
    *end++ = c;
    if (c != '%') continue;
    *end++ = '2';
    *end++ = '5';
  }
  return {out, static_cast<size_t>(end - out)};
}

}  // namespace sluice::proxy
