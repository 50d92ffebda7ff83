#include "proxy/grpc.h"

#include <algorithm>

#include "base/text.h"
#include "http/rules.h"
#include "proxy/problems.h"

namespace sluice::proxy {

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

std::string_view grpc_content_type(GrpcForm form) {
  switch (form) {
    case GrpcForm::web: return kGrpcWebType;
    case GrpcForm::web_text: return kGrpcWebTextType;
    case GrpcForm::none: case GrpcForm::grpc: break;
  }
  return http::kGrpcType;
}

// As gRPC's own table of HTTP statuses has it, and finer where the gateway knows more.
uint8_t grpc_code(uint16_t status) {
  switch (status) {
    case 400: return 13;             // INTERNAL
    case 401: return 16;             // UNAUTHENTICATED
    case 403: return 7;              // PERMISSION_DENIED
    case 404: return 12;             // UNIMPLEMENTED
    case 413: case 431: return 8;    // RESOURCE_EXHAUSTED
    case 504: return 4;              // DEADLINE_EXCEEDED
    case 429: case 502: case 503: return 14;   // UNAVAILABLE: it may be asked again
    default: return 2;               // UNKNOWN
  }
}

// gRPC's table of the codes of HTTP/2, where they say more than that the call has failed.
GrpcStatus grpc_status_of(const http::Problem& problem) {
  if (&problem == &kUpstreamCancelled) return {1, "Cancelled"};
  if (&problem == &kUpstreamExhausted) return {8, "Resource Exhausted"};
  return {grpc_code(problem.status), problem.title};
}

const http::Problem& broken_off(const Error& why) {
  if (why.side == Side::upstream && why.code == Code::cancelled) return kUpstreamCancelled;
  if (why.side == Side::upstream && why.code == Code::overloaded) return kUpstreamExhausted;
  return kUpstreamClosed;
}

std::string_view grpc_code_text(uint8_t code) {
  constexpr std::string_view kTexts[] = {"0", "1", "2",  "3",  "4",  "5",  "6",  "7", "8",
                                         "9", "10", "11", "12", "13", "14", "15", "16"};
  return kTexts[code];
}

std::optional<uint8_t> grpc_status(const http::Fields& fields) {
  constexpr uint8_t kCodeMax = 16, kUnknown = 2;
  std::optional<std::string_view> text = fields.get("grpc-status");
  if (!text) return std::nullopt;
  std::optional<uint64_t> code = parse_decimal(*text);
  return code && *code <= kCodeMax ? static_cast<uint8_t>(*code) : kUnknown;
}

void add_grpc_status(uint8_t code, std::string_view message, http::Fields& fields) {
  fields.add("grpc-status", grpc_code_text(code));
  fields.add("grpc-message", grpc_message(message, fields.arena()));
}

std::string_view grpc_method(std::string_view path) {
  size_t slash = path.rfind('/');
  bool two = slash != std::string_view::npos && slash > 1 && slash + 1 < path.size() && path.find('/', 1) == slash;
  return two ? path.substr(1) : std::string_view{};
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
