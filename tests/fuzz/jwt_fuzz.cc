// Tokens from strangers: what is read has one spelling, and its claims make a bounded Identity.
#include <string>

#include "base/base64url.h"
#include "fuzz.h"
#include "policy/auth/identity_block.h"
#include "policy/auth/jwt_claims.h"
#include "policy/auth/jwt_token.h"

using namespace sluice;
using namespace sluice::policy;

namespace {

JwtRules make_rules() {
  JwtRules rules;
  rules.issuer = "https://id.example";
  rules.audiences = {"orders"};
  rules.types = {"JWT", "at+jwt"};
  rules.required = {"realm_access.roles"};
  rules.equal = {{"azp", "web"}};
  return rules;
}

void check_claims_of(JsonValue claims) {
  static const JwtRules rules = make_rules();
  static IdentityReader reader;
  static const JwtMapping mapping{.scopes = {}, .roles = "realm_access.roles", .consumer = "azp"};
  check_claims(claims, rules, WallTime(std::chrono::seconds(1'700'000'000)));
  Identity identity;
  if (reader.read(claims, mapping, identity) != nullptr) return;
  CLAIM(identity.claims.size() <= kClaimsMax && identity.scopes.size() <= kScopesMax);
  BlockPool pool;
  Arena arena(pool);
  const Identity* copy = IdentityBlock(identity).copy_to(arena);
  CLAIM(copy->claims.size() == identity.claims.size() && copy->subject == identity.subject);
  for (size_t i = 0; i < copy->claims.size(); ++i)
    CLAIM(copy->claims[i].name == identity.claims[i].name &&
          copy->claims[i].value == identity.claims[i].value);
}

void check_token(std::string_view text) {
  static JwtReader reader;
  JwtToken token;
  if (reader.read(text, token) != nullptr) return;
  CLAIM(text.size() <= kTokenBytesMax && !token.signature.empty());
  CLAIM(std::string(token.signed_part) + "." + encode_base64url(token.signature) == text);
  JsonValue claims;
  if (reader.read_claims(claims) == nullptr) check_claims_of(claims);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  check_token(text);
  // The same as header and payload, so that the fuzzer need not learn base64.
  size_t half = text.find('\n');
  if (half == text.npos) return 0;
  check_token(encode_base64url(text.substr(0, half)) + "." +
              encode_base64url(text.substr(half + 1)) + ".AA");
  return 0;
}
