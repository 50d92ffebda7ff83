#include "policy/auth/introspection.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/log.h"
#include "base/text.h"
#include "policy/auth/jwt_problems.h"
#include "policy/auth/jwt_token.h"
#include "policy/auth/problems.h"

namespace sluice::policy {
namespace {

/// As forms are sent: all but letters, digits and "*-._" as %XX.
void append_form(std::string_view text, std::string& out) {
  for (char c : text) {
    if (is_alpha(c) || is_digit(c) || c == '*' || c == '-' || c == '.' || c == '_') {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += "0123456789ABCDEF"[byte >> 4];
    out += "0123456789ABCDEF"[byte & 15];
  }
}

/// A token that is good a moment longer than it is fresh: nobody is asked twice in one breath.
constexpr Duration kFailureKept = std::chrono::seconds(1);

}  // namespace

crypto::Secret introspection_login(std::string_view id, const crypto::Secret& secret) {
  if (secret.empty()) return {};
  if (id.empty()) return crypto::Secret("Bearer " + std::string(secret.bytes()));
  std::string pair;
  append_form(id, pair);
  pair += ':';
  append_form(secret.bytes(), pair);
  crypto::Secret wiped(std::move(pair));
  std::string value = "Basic ";
  append_base64(wiped.bytes(), value);
  return crypto::Secret(std::move(value));
}

/// What an answer says of its token.
class IntrospectionAuthenticator::Reader final : public AnswerReader<Introspected> {
 public:
  Reader(std::string name, const IntrospectionOptions& options)
      : name_(std::move(name)), rules_(options.rules), mapping_(options.mapping), cache_for_(options.cache_for),
        on_provider_down_(options.on_provider_down) {}

  Reading read(Result<upstream::FetchResponse, std::string> answer, const Held* before, TimePoint now,
               WallTime wall) const override {
    using enum observe::ServiceOutcome;
    auto unusable = [&](const std::string& why) { return Reading{failed_held(why, before, now, wall), failed}; };
    if (!answer) return unusable(answer.error());
    if (answer->status != 200) return unusable("status " + std::to_string(answer->status));
    JsonReader json(kIntrospectionBytesMax);
    auto document = json.read(answer->body);
    auto active = document ? document->member("active") : std::nullopt;
    if (!active || !active->boolean()) return unusable("no introspection response");
    Held held{{}, now + cache_for_};
    held.value.problem = *active->boolean() ? check_claims(*document, rules_, wall) : &kTokenInactive;
    if (held.value.problem == nullptr) held.value.problem = take(*document, held.value);
    auto outcome = held.value.problem == nullptr ? accepted : refused;
    return {std::move(held), outcome};
  }

 private:
  const http::Problem* take(JsonValue claims, Introspected& out) const {
    IdentityReader identities;
    Identity identity;
    if (const http::Problem* problem = identities.read(claims, mapping_, identity)) return problem;
    if (auto user = claims.member("username"); identity.subject.empty() && user)
      identity.subject = user->string().value_or(std::string_view());
    out.identity = IdentityBlock(identity);
    out.expires = identity.expires == WallTime::max() ? identity.expires : identity.expires + rules_.clock_skew;
    return nullptr;
  }

  /// What was known may do for as long as nobody can be asked, where the configuration says so.
  Held failed_held(const std::string& why, const Held* before, TimePoint now, WallTime wall) const {
    LOG(error, "token not introspected", kv("auth", name_), kv("reason", why));
    Held held{{}, now + kFailureKept};
    held.value.problem = &kIntrospectionUnavailable;
    bool stale = on_provider_down_ == ProviderDown::stale && before != nullptr && before->value.problem == nullptr &&
                 wall < before->value.expires;
    if (!stale) return held;
    held.value.problem = nullptr;
    held.value.identity = IdentityBlock(before->value.identity.identity());
    held.value.expires = before->value.expires;
    return held;
  }

  std::string name_;
  JwtRules rules_;
  JwtMapping mapping_;
  Duration cache_for_;
  ProviderDown on_provider_down_;
};

IntrospectionAuthenticator::IntrospectionAuthenticator(std::string name, IntrospectionOptions options)
    : name_(std::move(name)), options_(std::move(options)),
      field_(options_.header, options_.cookie, options_.subprotocol),
      challenge_("Bearer realm=\"" + name_ + "\""), reader_(std::make_shared<const Reader>("auth." + name_, options_)) {}

std::string IntrospectionAuthenticator::describe() const {
  return "introspection by " + options_.url.text();
}

Authenticator::Outcome IntrospectionAuthenticator::authenticate(Call& call) const {
  TokenField::Given given = field_.find(call.request());
  if (given.count == 0) return Outcome::absent();
  if (given.count > 1) return Outcome::refused(kCredentialsAmbiguous);
  if (given.token.empty()) return Outcome::refused(kTokenInactive);
  if (given.token.size() > kTokenBytesMax) return Outcome::refused(kTokenTooLarge);
  QuestionKey key;
  const Introspected* known = nullptr;
  Outcome outcome = look_up(call, given.token, key, known);
  if (known == nullptr) return outcome;
  Identity* identity = known->identity.copy_to(call.arena());
  identity->method = "introspection";
  identity->authenticator = name_;
  identity->handle = call.arena().copy({reinterpret_cast<const char*>(key.data()), key.size()});
  identity->token = given.token;
  if (!options_.consumers.resolve(*identity, call.client().ip, call.worker()))
    return Outcome::refused(kCredentialAddress);
  call.findings().identity = identity;
  return Outcome::accepted();
}

Authenticator::Outcome IntrospectionAuthenticator::recheck(Call& call, const AcceptedCredential& credential,
                                                           TimePoint) const {
  if (credential.token.empty()) return Outcome::accepted();
  QuestionKey key;
  const Introspected* known = nullptr;
  return look_up(call, credential.token, key, known);
}

Authenticator::Outcome IntrospectionAuthenticator::look_up(Call& call, std::string_view token, QuestionKey& key,
                                                           const Introspected*& known) const {
  Desk& desk = *workers_.of(call.worker()).desk;
  key = desk.answers().key_of({token});
  const auto* held = desk.answers().find(key);
  if (held == nullptr || held->fresh_until <= call.clock().now()) return ask(call, desk, key, token);
  if (held->value.problem != nullptr) return Outcome::refused(*held->value.problem);
  if (held->value.expires <= call.clock().wall()) return Outcome::refused(kTokenExpired);
  known = &held->value;
  Outcome outcome = Outcome::accepted();
  outcome.deadline = held->fresh_until;
  return outcome;
}

Authenticator::Outcome IntrospectionAuthenticator::ask(Call& call, Desk& desk, const QuestionKey& key,
                                                       std::string_view token) const {
  if (const Reach* reach = call.reach(); reach != nullptr && !desk.answers().asked(key)) {
    if (!desk.ask(key, question(token), {*reach, call.clock(), reader_, options_.cache_bytes, options_.counts}))
      return Outcome::refused(kIntrospectionUnavailable);
  }
  desk.answers().wait(key, call.resume());
  // The question has its own deadline; this one is for the case that its answer comes too late to be told.
  return Outcome::wait(call.clock().now() + options_.timeout + std::chrono::seconds(1), kIntrospectionUnavailable);
}

upstream::FetchRequest IntrospectionAuthenticator::question(std::string_view token) const {
  upstream::FetchRequest request;
  request.url = options_.url;
  request.method = http::Method::post;
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  if (auto login = options_.login->current(); !login->empty())
    request.headers.emplace_back("Authorization", login->bytes());
  request.body = "token=";
  append_form(token, request.body);
  request.body += "&token_type_hint=access_token";
  request.tls = options_.tls;
  request.deadline = options_.timeout;
  request.bytes_max = kIntrospectionBytesMax;
  return request;
}

std::string_view IntrospectionAuthenticator::challenge(Arena& arena, const http::Problem* problem) const {
  return TokenField::challenge(challenge_, arena, problem);
}

}  // namespace sluice::policy
