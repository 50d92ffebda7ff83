#include "policy/auth/token_field.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/cookie.h"
#include "policy/auth/jwt_problems.h"
#include "policy/headers.h"

namespace sluice::policy {

using http::Field;
using http::FieldId;

namespace {

constexpr std::string_view kBearer = "Bearer";

/// gives: what follows the scheme; nothing when it is another one
std::optional<std::string_view> after_bearer(std::string_view value) {
  if (!starts_with_ignore_case(value, kBearer)) return std::nullopt;
  value.remove_prefix(kBearer.size());
  if (!value.empty() && value.front() != ' ' && value.front() != '\t') return std::nullopt;
  return trim_ows(value);
}

}  // namespace

TokenField::TokenField(std::string header, std::string cookie, const std::string& subprotocol)
    : header_(std::move(header)), cookie_(std::move(cookie)), id_(http::field_id(header_)), subprotocol_(subprotocol),
      bearer_(id_ == FieldId::authorization) {}

TokenField::Given TokenField::find(const http::Head& request) const {
  Given given;
  for (const Field& field : request.fields) {
    if (field.id != id_ || !equals_ignore_case(field.name(), header_)) continue;
    auto token = after_bearer(field.value());
    if (bearer_ && !token) continue;   // another scheme: somebody else's credential
    given.token = token.value_or(field.value());
    ++given.count;
  }
  Subprotocol::Given offered = subprotocol_.find(request);
  if (offered.count > 0) given.token = offered.credential;
  given.count += offered.count;
  if (cookie_.empty() || !request.fields.has(FieldId::cookie)) return given;
  for (const Field& field : request.fields) {
    if (field.id != FieldId::cookie) continue;
    http::each_cookie(field.value(), [&](const http::Cookie& cookie) {
      if (cookie.name != cookie_ || cookie.value.empty()) return;   // an empty one says that there is no session
      given.token = cookie.value;
      ++given.count;
    });
  }
  return given;
}

void TokenField::remove(http::Head& request, Arena& arena) const {
  if (!cookie_.empty() && request.fields.has(FieldId::cookie)) remove_cookie(request, arena);
  subprotocol_.remove(request, arena);
  // In any spelling: a lax upstream would read X_Jwt too.
  request.fields.remove_if([this](const Field& field) {
    return same_header_name(field.name(), header_) && (!bearer_ || after_bearer(field.value()));
  });
}

void TokenField::remove_cookie(http::Head& request, Arena& arena) const {
  http::Fields kept(arena);
  request.fields.remove_if([&](const Field& field) {
    if (field.id != FieldId::cookie) return false;
    std::string_view rest = http::without_cookie(field.value(), cookie_, arena);
    if (rest.data() == field.value().data()) return false;   // not by size: what is left may be as long, in other spaces
    if (!rest.empty()) kept.add(FieldId::cookie, field.name(), rest);
    return true;
  });
  for (const Field& field : kept) request.fields.add(field.id, field.name(), field.value());
}

std::string_view TokenField::challenge(std::string_view realm_text, Arena& arena, const http::Problem* problem) {
  bool ours = problem != nullptr && problem->status == 401 &&
              std::find(std::begin(kJwtProblems), std::end(kJwtProblems), problem) != std::end(kJwtProblems);
  if (!ours) return realm_text;
  std::string_view start = arena.join(realm_text, ", error=\"invalid_token\", error_description=\"", problem->detail);
  return arena.join(start, "\"");
}

}  // namespace sluice::policy
