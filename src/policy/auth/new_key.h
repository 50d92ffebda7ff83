// Making API keys: "slk_", 40 random letters and digits (238 bits), and 6 that are a checksum of what is before them,
// so that scanners of repositories and logs find a key that leaked, and tell it from what only looks like one.
#pragma once

#include <string>
#include <string_view>

#include "policy/auth/consumer_config.h"

namespace sluice::policy {

inline constexpr std::string_view kKeyPrefix = "slk_";

std::string new_key();
/// Whether a text is such a key, by its checksum; says nothing about whether anybody knows it.
bool is_key(std::string_view text);
KeyHash hash_of(std::string_view key);

}  // namespace sluice::policy
