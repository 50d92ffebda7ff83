// TOML 1.0 text into Values. The one door to toml++.
#pragma once

#include <optional>

#include "config/issue.h"
#include "config/value.h"

namespace sluice::config {

/// Reads one file of `sources`.
/// gives: its root table, or nothing with an issue added (a syntax error hides what follows it)
std::optional<Value> parse_toml(const Sources& sources, uint32_t file, Issues& issues);

}  // namespace sluice::config
