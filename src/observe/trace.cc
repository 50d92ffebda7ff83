#include "observe/trace.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "base/text.h"

namespace sluice::observe {
namespace {

// HEXDIGLC of the specification: capitals are not allowed.
int lower_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool read_hex(std::string_view text, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    int high = lower_hex(text[2 * i]);
    int low = lower_hex(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

/// needs: a multiple of eight bytes
char* write_bytes(char* out, std::span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
    out = write_hex(out, word);
  }
  return out;
}

bool all_zero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

void fill(std::span<uint8_t> bytes, Random& random) {
  do {
    for (size_t i = 0; i < bytes.size(); i += 8) {
      uint64_t word = random.next();
      std::memcpy(bytes.data() + i, &word, 8);
    }
  } while (all_zero(bytes));
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view value) {
  if (value.size() < kTraceParentBytes) return std::nullopt;
  if (value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  uint8_t version = 0, flags = 0;
  TraceParent trace;
  bool read = read_hex(value.substr(0, 2), {&version, 1}) &&
              read_hex(value.substr(3, 32), trace.trace_id) &&
              read_hex(value.substr(36, 16), trace.parent_id) &&
              read_hex(value.substr(53, 2), {&flags, 1});
  if (!read || version == 0xff) return std::nullopt;
  bool longer = value.size() > kTraceParentBytes;
  if (longer && (version == 0 || value[kTraceParentBytes] != '-')) return std::nullopt;
  if (all_zero(trace.trace_id) || all_zero(trace.parent_id)) return std::nullopt;
  trace.sampled = (flags & 1) != 0;
  return trace;
}

TraceParent begin_trace(Random& random, bool sampled) {
  TraceParent trace;
  fill(trace.trace_id, random);
  fill(trace.parent_id, random);
  trace.sampled = sampled;
  return trace;
}

TraceParent child_of(const TraceParent& parent, Random& random) {
  TraceParent trace = parent;
  fill(trace.parent_id, random);
  return trace;
}

char* write_trace_id(char* out, const TraceParent& trace) { return write_bytes(out, trace.trace_id); }

char* write_traceparent(char* out, const TraceParent& trace) {
  std::memcpy(out, "00-", 3);
  out = write_trace_id(out + 3, trace);
  *out++ = '-';
  out = write_bytes(out, trace.parent_id);
  // Flags that are not defined must be sent as zero.
  std::memcpy(out, trace.sampled ? "-01" : "-00", 3);
  return out + 3;
}

}  // namespace sluice::observe
