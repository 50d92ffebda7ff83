// Credentials: names that routes use, routes without any, keys that are there twice, files of keys.
#include <algorithm>
#include <map>

#include "config/suggest.h"
#include "policy/auth/key_store.h"
#include "snapshot/config_check.h"
#include "snapshot/config_names.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted;
using policy::RouteAuth;

namespace {

constexpr IssueKind kRouteWithoutAuth{"route_without_auth"};
constexpr IssueKind kAuthNamedNone{"auth_named_none"};
constexpr IssueKind kKeyTwice{"key_twice"};
constexpr IssueKind kKeyIdTwice{"key_id_twice"};
constexpr IssueKind kSigningKeyTwice{"signing_key_id_twice"};
constexpr IssueKind kCertificateTwice{"certificate_twice"};
constexpr IssueKind kUserTwice{"user_twice"};
constexpr IssueKind kNobodyAsks{"mtls_without_client_cert"};
constexpr IssueKind kAllowWithoutAuth{"allow_without_auth"};
constexpr IssueKind kAllowNobody{"allow_nobody"};
constexpr IssueKind kAllowNameTwice{"allow_name_twice"};
constexpr IssueKind kTicketWithoutAuth{"ticket_without_auth"};
constexpr IssueKind kTicketOfOtherType{"ticket_of_other_type"};
constexpr IssueKind kTicketForTicket{"ticket_for_ticket"};
constexpr IssueKind kTicketElsewhere{"ticket_without_upgrade"};
constexpr IssueKind kTicketShares{"ticket_place_shared"};
constexpr IssueKind kKeepWithoutAuth{"keep_credentials_without_auth"};

void check_keys(const Config& config, Document& document) {
  std::map<policy::KeyHash, config::Position> seen;
  for (const auto& consumer : config.consumer) {
    std::map<std::string, config::Position> ids;
    for (const policy::ConsumerKey& key : consumer.value.keys) {
      if (auto [other, is_new] = ids.try_emplace(key.id.value, key.id.at); !is_new && !key.id.value.empty()) {
        document.issues.add(kKeyIdTwice, key.id.at, "[consumer." + consumer.name + "] has two keys " + quoted(key.id.value))
            .note = "the other is at " + document.sources.place(other->second);
      }
      auto [other, is_new] = seen.try_emplace(key.sha256.value, key.sha256.at);
      if (is_new || key.sha256.value == policy::KeyHash{}) continue;   // none: it could not be read
      document.issues.add(kKeyTwice, key.sha256.at, "two keys have this hash: one key, one holder").note =
          "the other is at " + document.sources.place(other->second);
    }
  }
}

void check_users(const Config& config, Document& document) {
  std::map<std::string, config::Position> seen;
  for (const auto& consumer : config.consumer) {
    for (const auto& user : consumer.value.users) {
      auto [other, is_new] = seen.try_emplace(user.value, user.at);
      if (is_new) continue;
      document.issues.add(kUserTwice, user.at, "two consumers have the user " + quoted(user.value)).note =
          "the other is at " + document.sources.place(other->second);
    }
  }
}

// A signature names its key, and nothing else says whose it is.
void check_signing_keys(const Config& config, Document& document) {
  std::map<std::string, config::Position> seen;
  for (const auto& consumer : config.consumer) {
    for (const policy::SigningKeyConfig& key : consumer.value.signing_keys) {
      auto [other, is_new] = seen.try_emplace(key.id.value, key.id.at);
      if (is_new || key.id.value.empty()) continue;
      document.issues.add(kSigningKeyTwice, key.id.at, "two signing keys are called " + quoted(key.id.value)).note =
          "the other is at " + document.sources.place(other->second);
    }
  }
}

void check_certificates(const Config& config, Document& document) {
  std::map<std::pair<policy::CertificateName::Kind, std::string>, config::Position> seen;
  for (const auto& consumer : config.consumer) {
    for (const policy::CertificateName& name : consumer.value.certificates) {
      auto [other, is_new] = seen.try_emplace({name.kind, name.text.value}, name.text.at);
      if (is_new || name.text.value.empty()) continue;
      document.issues.add(kCertificateTwice, name.text.at, "two consumers' certificates have this name").note =
          "the other is at " + document.sources.place(other->second);
    }
  }
  auto asks = [](const auto& tls) { return tls.value.client_cert.has_value(); };
  if (std::ranges::any_of(config.tls, asks)) return;
  for (const auto& auth : config.auth) {
    if (auth.value.type != policy::AuthType::mtls || !auth.sound) continue;
    document.issues.add(kNobodyAsks, auth.at, "no listener asks clients for certificates").note =
        "that is client_cert = { ca = \"...\" } in a [tls.*]";
  }
}

void check_allow(const config::Section<RouteSection>& route, const policy::AllowConfig& allow, Document& document) {
  if (route.value.auth.names.empty()) {
    document.issues.add(kAllowWithoutAuth, route.at,
                        "[route." + route.name + "] has `allow`, and asks nobody who he is").note =
        "its rules need an identity: auth = [\"NAME\"]; addresses alone are allow_ips = [...]";
  }
  std::map<std::string, config::Position> names;
  for (const policy::AllowRule& rule : allow.rules()) {
    if (rule.empty() && route.sound) {   // allow = []: of any other way the table's reader has told
      document.issues.add(kAllowNobody, route.at, "[route." + route.name + "] has an `allow` without rules: nobody would pass");
    }
    if (rule.name.value.empty()) continue;
    auto [other, is_new] = names.try_emplace(rule.name.value, rule.name.at);
    if (is_new) continue;
    document.issues.add(kAllowNameTwice, rule.name.at, "two rules of [route." + route.name + "] are called " + quoted(rule.name.value))
        .note = "the other is at " + document.sources.place(other->second);
  }
}

bool takes_tickets(const std::string& name, const Config& config) {
  const auto* section = find_section(config.auth, name);
  return section != nullptr && section->sound && section->value.type == policy::AuthType::ticket;
}

// Whatever stands where tickets do is taken for one, and out of the request: no other credential can come there.
void check_place(const config::Section<RouteSection>& route, const std::string& ticket, const Config& config, Document& document) {
  const policy::AuthConfig& own = find_section(config.auth, ticket)->value;
  for (const auto& named : route.value.auth.names) {
    const auto* other = find_section(config.auth, named.name);
    if (named.name == ticket || other == nullptr || !other->sound) continue;
    bool protocol = !own.subprotocol.empty() && equals_ignore_case(own.subprotocol, other->value.subprotocol);
    bool query = !own.query.empty() && own.query == other->value.query;
    if (!protocol && !query) continue;
    document.issues.add(kTicketShares, named.at, "[auth." + ticket + "] and [auth." + named.name + "] look for credentials in the same " +
                                                     (protocol ? "subprotocol" : "query parameter"))
        .note = "give tickets a place of their own: what stands there is taken out of the request as one";
  }
}

// Tickets open WebSockets and nothing else, and none is given for another.
void check_tickets(const config::Section<RouteSection>& route, const Config& config, Document& document) {
  const auto& ticket = route.value.ticket;
  for (const auto& named : route.value.auth.names) {
    if (!takes_tickets(named.name, config)) continue;
    check_place(route, named.name, config, document);
    if (!ticket.empty()) {
      document.issues.add(kTicketForTicket, named.at, "a ticket would be given for a ticket, without end");
    } else if (!route.value.route.match.upgrade) {
      document.issues.add(kTicketElsewhere, named.at, "tickets open WebSockets, and [route." + route.name + "] is for none").note =
          "match = { ..., upgrade = \"websocket\" } makes the route one for WebSockets";
    }
  }
  if (ticket.empty()) return;
  resolve("auth", ticket.name, ticket.at, config.auth, document);
  const auto* section = find_section(config.auth, ticket.name);
  if (section != nullptr && section->sound && section->value.type != policy::AuthType::ticket) {
    document.issues.add(kTicketOfOtherType, ticket.at, "[auth." + ticket.name + "] takes no tickets").note =
        "that is an [auth.NAME] with type = \"ticket\"";
  }
  if (!route.value.auth.names.empty()) return;
  document.issues.add(kTicketWithoutAuth, ticket.at, "[route." + route.name + "] gives tickets, and asks nobody who he is").note =
      "whoever shows one is taken for whom it was given to: auth = [\"NAME\"]";
}

void check_route(const config::Section<RouteSection>& route, const Config& config, Document& document) {
  check_tickets(route, config, document);
  const RouteAuth& auth = route.value.auth;
  for (const auto& named : auth.names) resolve("auth", named.name, named.at, config.auth, document);
  if (auth.mode == RouteAuth::Mode::unset && !config.auth.empty() && !route.value.route.upstream.empty()) {
    document.issues.add(kRouteWithoutAuth, route.at, "[route." + route.name + "] does not say who may ask").note =
        "since there is an [auth.*], every route to an upstream has auth = [\"NAME\"], or auth = \"none\"";
  }
  if (route.value.allow) check_allow(route, *route.value.allow, document);
  if (route.value.keep_credentials && auth.names.empty()) {
    document.issues.add(kKeepWithoutAuth, route.at,
                        "[route." + route.name + "] asks for no credentials that it could keep");
  }
}

}  // namespace

void check_auth(const Config& config, Document& document) {
  for (const auto& auth : config.auth) {
    if (auth.name == "none")
      document.issues.add(kAuthNamedNone, auth.at, "[auth.none] cannot be: auth = \"none\" means that nobody is asked");
    const auto& store = auth.value.store.redis;
    resolve("redis", store.name, store.at, config.redis, document);
  }
  check_keys(config, document);
  check_signing_keys(config, document);
  check_certificates(config, document);
  check_users(config, document);
  for (const auto& route : config.route) check_route(route, config, document);
}

}  // namespace sluice::snapshot
