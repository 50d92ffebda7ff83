// What a claim says, by its name or by a path into one that is an object: "tenant", "tenant.id".
#pragma once

#include <optional>
#include <string_view>

#include "policy/identity.h"

namespace sluice::policy {

/// A name that is a claim's own comes first, dots and all; otherwise a dot leads into an object, as in [auth.NAME].
/// A text that only looks like an object is none.
/// gives: views into the identity; nothing when there is no such claim, and for a text within an object that JSON writes with
/// escapes
std::optional<Claim> claim_value(const Identity& identity, std::string_view name);

/// gives: where the value that begins at `at` of a JSON list or object ends, its end when it is cut off
size_t json_end(std::string_view json, size_t at);

}  // namespace sluice::policy
