// Tokens in a request from a stranger: in Authorization, a field of their own, a cookie, a subprotocol. What is taken
// out is gone in every spelling, and nothing else is.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fuzz.h"
#include "http/cookie.h"
#include "http/h1_parser.h"
#include "policy/auth/token_field.h"
#include "policy/headers.h"

using namespace sluice;
using namespace sluice::policy;

namespace {

using http::FieldId;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kCookie = "s";
constexpr std::string_view kPrefix = "b.";

bool is_bearer(std::string_view value) {
  return starts_with_ignore_case(value, "bearer") && (value.size() == 6 || value[6] == ' ' || value[6] == '\t');
}

/// What must be left of the fields that are neither a Cookie nor a subprotocol.
Pairs others(const http::Head& head, std::string_view header) {
  Pairs out;
  for (const http::Field& field : head.fields) {
    if (field.id == FieldId::cookie || field.id == FieldId::sec_websocket_protocol) continue;
    bool ours = same_header_name(field.name(), header) && (header != "Authorization" || is_bearer(field.value()));
    if (!ours) out.emplace_back(field.name(), field.value());
  }
  return out;
}

/// Sorted: a Cookie field that was changed goes behind the others.
Pairs other_cookies(const http::Head& head) {
  Pairs out;
  for (const http::Field& field : head.fields) {
    if (field.id != FieldId::cookie) continue;
    http::each_cookie(field.value(), [&](const http::Cookie& cookie) {
      if (cookie.name != kCookie) out.emplace_back(cookie.name, cookie.value);
    });
  }
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> other_subprotocols(const http::Head& head) {
  std::vector<std::string> out;
  for (const http::Field& field : head.fields) {
    if (field.id != FieldId::sec_websocket_protocol) continue;
    std::string_view rest = field.value();
    while (!rest.empty()) {
      size_t end = std::min(rest.find(','), rest.size());
      std::string_view element = trim_ows(rest.substr(0, end));
      if (!element.empty() && !starts_with_ignore_case(element, kPrefix)) out.emplace_back(element);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string header = data[0] & 1 ? "X-Jwt" : "Authorization";
  std::string fields(text_of(data + 1, size - 1));
  BlockPool pool;
  Arena arena(pool);
  http::Head head(arena);
  http::H1Limits limits;
  if (size > limits.header_bytes_max) return 0;
  std::string text = "GET /p HTTP/1.1\r\nHost: a\r\n";
  if (data[0] & 2) text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (http::parse_request_head(arena.copy(text + fields + "\r\n\r\n"), limits, arena, head) != nullptr) return 0;
  TokenField place(header, std::string(kCookie), "b");
  TokenField::Given given = place.find(head);
  CLAIM(given.count > 0 || given.token.empty());
  CLAIM(given.token.empty() || fields.find(given.token) != std::string::npos);
  Pairs kept = others(head, header), cookies = other_cookies(head);
  std::vector<std::string> subprotocols = other_subprotocols(head);
  place.remove(head, arena);
  CLAIM(place.find(head).count == 0);
  CLAIM(others(head, header) == kept);
  CLAIM(other_cookies(head) == cookies);
  CLAIM(other_subprotocols(head) == subprotocols);
  for (const http::Field& field : head.fields) CLAIM(header == "Authorization" || !same_header_name(field.name(), header));
  return 0;
}
