#include "policy/auth/jwt_claims.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "policy/auth/jwt_problems.h"

namespace sluice::policy {
namespace {

using std::chrono::milliseconds;

/// The year 9999: beyond it a moment is as good as never, and computing with it stays exact.
constexpr double kSecondsMax = 253'402'300'799.0;

/// A NumericDate: seconds since 1970, whole or with a fraction (RFC 7519 section 2).
std::optional<WallTime> moment(JsonValue value) {
  std::optional<double> seconds = value.number();
  if (!seconds || std::isnan(*seconds)) return std::nullopt;
  double bounded = std::clamp(*seconds, -kSecondsMax, kSecondsMax);
  return WallTime(milliseconds(static_cast<int64_t>(bounded * 1000)));
}

bool is_audience(JsonValue audience, const std::vector<std::string>& wanted) {
  if (auto one = audience.string()) return std::ranges::find(wanted, *one) != wanted.end();
  bool found = false;
  for (JsonElements each = audience.elements(); each.next();) {
    auto one = each.value().string();
    if (!one) return false;
    found = found || std::ranges::find(wanted, *one) != wanted.end();
  }
  return found;
}

void append_value(std::string& out, JsonValue value);

void append_text(std::string& out, std::string_view text) {
  out += '"';
  append_json(out, text);
  out += '"';
}

void append_number(std::string& out, JsonValue value) {
  char digits[32];
  auto whole = value.integer();
  auto end = whole ? std::to_chars(digits, std::end(digits), *whole).ptr
                   : std::to_chars(digits, std::end(digits), value.number().value_or(0)).ptr;
  out.append(digits, end);
}

void append_nested(std::string& out, JsonValue value) {
  char between = '\0';
  if (value.is_object()) {
    out += '{';
    for (JsonMembers each = value.members(); each.next(); between = ',') {
      if (between) out += between;
      append_text(out, each.name());
      out += ':';
      append_value(out, each.value());
    }
    out += '}';
    return;
  }
  out += '[';
  for (JsonElements each = value.elements(); each.next(); between = ',') {
    if (between) out += between;
    append_value(out, each.value());
  }
  out += ']';
}

void append_value(std::string& out, JsonValue value) {
  switch (value.type()) {
    case JsonValue::Type::null: out += "null"; return;
    case JsonValue::Type::boolean: out += *value.boolean() ? "true" : "false"; return;
    case JsonValue::Type::number: append_number(out, value); return;
    case JsonValue::Type::string: append_text(out, *value.string()); return;
    case JsonValue::Type::array:
    case JsonValue::Type::object: append_nested(out, value); return;   // the reader bounds the depth
  }
}

/// The text of a value as templates and rules see it: a text as it is, all else as JSON.
bool has_text(JsonValue value, std::string_view text) {
  if (auto own = value.string()) return *own == text;
  if (value.type() == JsonValue::Type::array) {
    for (JsonElements each = value.elements(); each.next();) {
      if (each.value().type() != JsonValue::Type::array && has_text(each.value(), text)) return true;
    }
    return false;
  }
  std::string own;
  append_value(own, value);
  return own == text;
}

const http::Problem* check_times(JsonValue claims, const JwtRules& rules, WallTime now) {
  milliseconds skew = rules.clock_skew;
  auto expires_claim = claims.member("exp");
  auto expires = expires_claim ? moment(*expires_claim) : std::nullopt;
  if (!expires && (expires_claim || !rules.introspected)) return &kTokenClaims;
  if (expires && now >= *expires + skew) return &kTokenExpired;
  for (std::string_view name : {"nbf", "iat"}) {
    auto claim = claims.member(name);
    if (!claim) continue;
    auto begin = moment(*claim);
    if (!begin) return &kTokenClaims;
    if (now + skew < *begin) return &kTokenNotYetValid;
  }
  return nullptr;
}

Claim::Form form_of(const JsonValue& value) {
  switch (value.type()) {
    case JsonValue::Type::array: return Claim::Form::list;
    case JsonValue::Type::object: return Claim::Form::object;
    default: return Claim::Form::single;
  }
}

}  // namespace

bool accepts_type(const JwtRules& rules, std::optional<std::string_view> type) {
  constexpr std::string_view kPrefix = "application/";   // RFC 7515 section 4.1.9
  std::string_view name = type.value_or("JWT");
  if (starts_with_ignore_case(name, kPrefix)) name.remove_prefix(kPrefix.size());
  return std::ranges::any_of(
      rules.types, [&](const std::string& own) { return equals_ignore_case(own, name); });
}

const http::Problem* check_claims(JsonValue claims, const JwtRules& rules, WallTime now) {
  auto issuer = claims.member("iss");
  bool any_issuer = rules.introspected && rules.issuer.empty();
  if (!any_issuer && (!issuer || issuer->string() != std::string_view(rules.issuer))) return &kTokenIssuer;
  auto audience = claims.member("aud");
  bool any_audience = rules.introspected && rules.audiences.empty();
  if (!any_audience && (!audience || !is_audience(*audience, rules.audiences))) return &kTokenAudience;
  if (const http::Problem* problem = check_times(claims, rules, now)) return problem;
  for (std::string_view name : {"sub", "jti"}) {
    auto claim = claims.member(name);
    if (claim && !claim->string()) return &kTokenClaims;
  }
  for (const std::string& name : rules.required) {
    auto claim = find_claim(claims, name);
    if (!claim || claim->type() == JsonValue::Type::null) return &kTokenClaims;
  }
  for (const auto& [name, text] : rules.equal) {
    auto claim = find_claim(claims, name);
    if (!claim || !has_text(*claim, text)) return &kTokenClaims;
  }
  return nullptr;
}

JwtTimes times_of(JsonValue claims) {
  JwtTimes times;
  if (auto expires = claims.member("exp")) times.expires = moment(*expires).value_or(WallTime::max());
  if (auto issued = claims.member("iat")) times.issued = moment(*issued);
  return times;
}

std::optional<JsonValue> find_claim(JsonValue claims, std::string_view name) {
  if (auto exact = claims.member(name)) return exact;
  size_t dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  auto outer = claims.member(name.substr(0, dot));
  return outer ? find_claim(*outer, name.substr(dot + 1)) : std::nullopt;
}

std::string_view IdentityReader::text_of(JsonValue value) {
  if (auto text = value.string()) return *text;
  append_value(texts_.emplace_back(), value);
  return texts_.back();
}

/// A text is split at blanks (RFC 8693 section 4.2), a list has one in each element.
bool IdentityReader::read_texts(std::optional<JsonValue> source,
                                std::vector<std::string_view>& out, size_t max) {
  out.clear();
  if (!source || source->type() == JsonValue::Type::null) return true;
  auto take = [&](std::string_view one) {
    if (!one.empty()) out.push_back(one);
    return out.size() <= max;
  };
  if (auto text = source->string()) {
    while (!text->empty()) {
      size_t end = std::min(text->find(' '), text->size());
      if (!take(text->substr(0, end))) return false;
      text->remove_prefix(std::min(end + 1, text->size()));
    }
    return true;
  }
  if (source->type() != JsonValue::Type::array) return false;
  for (JsonElements each = source->elements(); each.next();) {
    auto one = each.value().string();
    if (!one || !take(*one)) return false;
  }
  return true;
}

const http::Problem* IdentityReader::read(JsonValue claims, const JwtMapping& mapping,
                                          Identity& identity) {
  texts_.clear();
  claims_.clear();
  auto scopes = mapping.scopes.empty() ? claims.member("scope") : find_claim(claims, mapping.scopes);
  if (!scopes && mapping.scopes.empty()) scopes = claims.member("scp");
  auto roles = mapping.roles.empty() ? std::nullopt : find_claim(claims, mapping.roles);
  if (!read_texts(scopes, scopes_, kScopesMax) || !read_texts(roles, roles_, kRolesMax))
    return &kTokenClaims;
  for (JsonMembers each = claims.members(); each.next();) {
    if (claims_.size() == kClaimsMax) return &kTokenClaims;
    claims_.push_back({each.name(), text_of(each.value()), form_of(each.value())});
  }
  identity = Identity();
  auto text_claim = [&](std::string_view name) {
    auto claim = claims.member(name);
    return claim ? claim->string().value_or(std::string_view()) : std::string_view();
  };
  identity.subject = text_claim("sub");
  identity.credential = text_claim("jti");
  if (!mapping.consumer.empty()) {
    auto consumer = find_claim(claims, mapping.consumer);
    if (consumer) identity.consumer = consumer->string().value_or(std::string_view());
  }
  identity.scopes = scopes_;
  identity.roles = roles_;
  identity.claims = claims_;
  identity.expires = times_of(claims).expires;
  return nullptr;
}

}  // namespace sluice::policy
