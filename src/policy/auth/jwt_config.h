// What [auth.NAME] with type = "jwt" says, checked and in the form that verification needs.
#pragma once

#include "config/reader.h"
#include "policy/auth/auth_config.h"
#include "policy/auth/jwt_verifier.h"
#include "policy/auth/remote_keys.h"

namespace sluice::policy {

/// What no single key can show: required ones, several places of keys, URLs.
void check_jwt(const AuthConfig& auth, const config::Value& table, config::Reader& reader);

void check_introspection(const AuthConfig& auth, const config::Value& table, config::Reader& reader);

/// The same for a URL that the gateway is to ask itself. `what` would go over http: "tokens would go"
void check_url(const config::Placed<std::string>& url, std::string_view what, bool plain_http, config::Reader& reader);

/// needs: a table without issues. `workers`: the cache is shared out among so many
JwtSettings jwt_settings(const AuthConfig& auth, unsigned workers);

/// needs: a table without issues that has no key file. `tls` is still to be set.
RemoteKeysOptions remote_keys_options(const std::string& name, const AuthConfig& auth);

}  // namespace sluice::policy
