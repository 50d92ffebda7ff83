// Request ids: 26 characters that sort by time, in the form of a ULID (48 bits of milliseconds, 80
// random bits, Crockford's base 32). Source: https://github.com/ulid/spec
#pragma once

#include <cstddef>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"

namespace sluice::observe {

inline constexpr size_t kRequestIdBytes = 26;
/// Writes an id (kRequestIdBytes) at `out`. gives: the end        cost: about 20 ns
char* write_request_id(char* out, WallTime now, Random& random);

/// From a header of the client: long enough for every known scheme, short enough for a log.
inline constexpr size_t kForeignIdMax = 128;
/// Whether an id that came from outside may be passed on, logged and shown: 1..kForeignIdMax
/// letters, digits and - _ . ~ : + / = @
bool is_request_id(std::string_view id);

}  // namespace sluice::observe
