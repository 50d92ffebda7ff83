// Dates of HTTP fields. Source: RFC 9110 section 5.6.7.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace sluice::http {

/// Length of "Sun, 06 Nov 1994 08:49:37 GMT".
inline constexpr size_t kDateBytes = 29;

/// Writes an IMF-fixdate at `out` (kDateBytes bytes). gives: the end
/// needs: a year of 0..9999; milliseconds are cut off
char* write_date(char* out, WallTime time);

/// Reads an IMF-fixdate, an RFC 850 date or an asctime date.
/// gives: nothing when it is none of them; the name of the weekday is not compared with the date.
/// A two-digit year more than 50 years after `now` is of the century before
std::optional<WallTime> parse_date(std::string_view text, WallTime now);

}  // namespace sluice::http
