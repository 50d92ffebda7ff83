// The page of /connections on the control socket: requests in flight and open sockets, with who is behind them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/in_flight.h"

namespace sluice::admin {

/// Of one answer, whatever is asked for: made on the keeper's loop, which has other things to do.
inline constexpr size_t kInFlightRowsMax = 10'000;
inline constexpr size_t kInFlightRows = 1'000;   // when nothing is said

/// "route=live&subject=ada&rows=10", percent-encoded. errors: a line for a person
Result<proxy::InFlightQuery, std::string> read_in_flight_query(std::string_view query);

/// gives: {"found": 2, "silent_workers": 0, "connections": [{...}]}; the members are described in docs/operations.md
std::string in_flight_page(const proxy::InFlightReport& report, size_t silent);

}  // namespace sluice::admin
