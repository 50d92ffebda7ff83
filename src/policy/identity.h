// Who sends a request, whatever the credential was. Every authenticator yields one.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "base/claim.h"
#include "base/clock.h"

namespace sluice::policy {

/// Lives in the request's arena, or as long as the configuration: its views hold until the request ends.
struct Identity {
  std::string_view subject;         // "sub" of a token, name of the consumer otherwise
  std::string_view consumer;        // the [consumer.NAME] it belongs to; empty: none
  std::string_view credential;      // id of the key, token ("jti") or certificate; never the credential itself
  std::string_view method;          // "jwt", "api_key", "signature", "mtls", "basic", "introspect", "external"
  std::string_view authenticator;   // the [auth.NAME] that vouches for it
  std::string_view handle;          // by which that one finds the credential again; not for logs. Empty: by the above
  std::string_view token;           // that one needs it to ask about the credential again; a secret, kept nowhere else
  std::span<const std::string_view> scopes;
  std::span<const std::string_view> roles;
  std::span<const std::string_view> groups;   // of the consumer
  std::span<const Claim> claims;
  WallTime expires = WallTime::max();
  const Identity* beside = nullptr;   // where several credentials are asked for: that of the next one, and so on

  bool has_scope(std::string_view scope) const { return std::ranges::find(scopes, scope) != scopes.end(); }
  bool has_role(std::string_view role) const { return std::ranges::find(roles, role) != roles.end(); }
  /// gives: null when there is no such claim
  const Claim* claim(std::string_view name) const {
    auto found = std::ranges::find(claims, name, &Claim::name);
    return found == claims.end() ? nullptr : &*found;
  }
};

}  // namespace sluice::policy
