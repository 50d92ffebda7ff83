// Dates of keys: RFC 3339, with or without a time.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace sluice::policy {

/// "2027-01-31" (its first moment, UTC), "2027-01-31T12:00:00Z", "2027-01-31 12:00:00.5+01:00".
/// gives: nothing when it is no such date, or has a time without a zone
std::optional<WallTime> parse_moment(std::string_view text);

}  // namespace sluice::policy
