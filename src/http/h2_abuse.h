// The names of what an HTTP/2 peer is closed for; the limits are in h2_limits.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace sluice::http {

/// What a peer can do too often, or too much of: the connection ends with ENHANCE_YOUR_CALM.
enum class H2Abuse : uint8_t {
  resets,          // streams begun and soon reset, before their answer was whole (CVE-2023-44487), or made to be reset by us
  pings,           // beyond one for each DATA frame that is no crumb
  settings,
  empty_frames,    // DATA without bytes, HEADERS and CONTINUATION without any
  control_frames,  // WINDOW_UPDATE, PRIORITY, other resets and answers, beyond two for each DATA frame that is no crumb, and for each KiB of it
  continuations,   // CONTINUATION frames of one header block
  header_bytes,    // of one header block when decompressed, far above what is refused with 431
  stalls,          // streams reset because their window stayed closed
  slow_head,       // a header block that does not end
  slow_read,       // a peer that takes no bytes
};
inline constexpr std::string_view kH2AbuseLabels[] = {
    "resets",        "pings",        "settings", "empty_frames", "control_frames",
    "continuations", "header_bytes", "stalls",   "slow_head", "slow_read"};
inline constexpr size_t kH2Abuses = std::size(kH2AbuseLabels);

}  // namespace sluice::http
