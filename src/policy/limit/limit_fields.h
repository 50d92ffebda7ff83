// The header fields that tell a client where it stands.
#pragma once

#include <string_view>

#include "http/message.h"
#include "policy/limit/limits.h"

namespace sluice::policy {

/// Adds RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10), X-RateLimit-Limit, -Remaining and
/// -Reset, and Retry-After when a limit refused; what the upstream said under these names goes. All say what the next
/// request will see (requirement C8): `r` and Remaining how much is left, `t` in how many seconds there is more, Reset in
/// how many all of it is back. `policies` is of the request's arena, or lives as long as the route.
void add_limit_fields(const LimitReport& report, std::string_view policies, http::Head& response);

}  // namespace sluice::policy
