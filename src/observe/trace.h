// W3C Trace Context: the traceparent field. Passed on, or begun; spans are not exported here.
// Source: https://www.w3.org/TR/trace-context/ (Recommendation, level 1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/hash.h"

namespace sluice::observe {

struct TraceParent {
  std::array<uint8_t, 16> trace_id{};
  std::array<uint8_t, 8> parent_id{};
  bool sampled = false;

  friend bool operator==(const TraceParent&, const TraceParent&) = default;
};

/// Reads a traceparent value. Version 00 is exactly four fields; of a higher version the first four
/// are read and more may follow after a "-". Fields given twice are the caller's to refuse, as is
/// tracestate without a valid traceparent.
/// errors: none for version ff, capital letters, an id of zeros, any other form
std::optional<TraceParent> parse_traceparent(std::string_view value);

/// A new trace, with ids that are not zero.
TraceParent begin_trace(Random& random, bool sampled);

/// The same trace with an id of our own as parent: for one who reports a span. One who does not
/// passes the value on as it came, or the chain would break.
TraceParent child_of(const TraceParent& parent, Random& random);

inline constexpr size_t kTraceParentBytes = 55;
/// Writes the value as version 00 (kTraceParentBytes). gives: the end
char* write_traceparent(char* out, const TraceParent& trace);

inline constexpr size_t kTraceIdBytes = 32;
/// Writes the trace id in hex (kTraceIdBytes), as in the access log. gives: the end
char* write_trace_id(char* out, const TraceParent& trace);

}  // namespace sluice::observe
