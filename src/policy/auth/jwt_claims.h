// What the claims of a token must say (RFC 7519 section 4.1), and the Identity that they make.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "http/problem.h"
#include "policy/identity.h"

namespace sluice::policy {

/// Of each kind in one token; beyond them it is refused. Real ones have 10 to 40.
inline constexpr size_t kClaimsMax = 128;
inline constexpr size_t kScopesMax = 256;
inline constexpr size_t kRolesMax = 256;

struct JwtRules {
  /// The issuer has said that the token is good: it need not have what the gateway does not ask for.
  bool introspected = false;
  std::string issuer;
  std::vector<std::string> audiences;   // any one of them
  /// Accepted "typ", case ignored, without "application/"; a token without one counts as "JWT".
  std::vector<std::string> types;
  std::vector<std::string> required;                            // must be there, and not be null
  std::vector<std::pair<std::string, std::string>> equal;       // name and text; of a list: one element
  std::chrono::milliseconds clock_skew{0};
};

/// gives: whether a token of that "typ" is accepted
bool accepts_type(const JwtRules& rules, std::optional<std::string_view> type);

/// gives: null, or why the token is refused. exp is required, but of an introspected one; aud may be a text or a list of texts.
const http::Problem* check_claims(JsonValue claims, const JwtRules& rules, WallTime now);

/// Times of a token that passed check_claims.
struct JwtTimes {
  WallTime expires = WallTime::max();
  std::optional<WallTime> issued;
};
JwtTimes times_of(JsonValue claims);

/// Which claims make which part of an Identity. A name is that of a claim, or where there is none of
/// that name, a path through objects ("realm_access.roles").
struct JwtMapping {
  std::string scopes;     // empty: "scope", then "scp"
  std::string roles;      // empty: none
  std::string consumer;   // empty: none
};

/// Reads one after the other, keeping its memory. One thread's.
class IdentityReader {
 public:
  /// gives: null, and `identity` views this reader and the claims until the next call; otherwise why
  /// the token is refused: more than the limits above, or a claim of the wrong type
  const http::Problem* read(JsonValue claims, const JwtMapping& mapping, Identity& identity);

 private:
  bool read_texts(std::optional<JsonValue> source, std::vector<std::string_view>& out, size_t max);
  std::string_view text_of(JsonValue value);

  std::vector<Claim> claims_;
  std::vector<std::string_view> scopes_;
  std::vector<std::string_view> roles_;
  std::deque<std::string> texts_;   // of what is no text in the token
};

/// gives: the claim of that name, or what the name leads to as a path
std::optional<JsonValue> find_claim(JsonValue claims, std::string_view name);

}  // namespace sluice::policy
