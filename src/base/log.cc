#include "base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/text.h"

namespace sluice {
namespace {

std::atomic<LogSink*> g_sink{nullptr};              // acquire/release: the sink's state is seen by its users
std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<uint64_t> g_suppressed{0};

int64_t steady_seconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

}  // namespace

std::string_view log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
  }
  return "error";
}

void set_log_sink(LogSink* sink) { g_sink.store(sink, std::memory_order_release); }
void set_log_level(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
LogLevel log_level() { return g_level.load(std::memory_order_relaxed); }

uint64_t log_lines_suppressed() { return g_suppressed.load(std::memory_order_relaxed); }

// Two threads at the turn of a window may each begin it: a few lines more, no harm.
bool LogPlace::admit(int64_t seconds) {
  int64_t window = seconds / kWindowSeconds;
  if (window_.exchange(window, std::memory_order_relaxed) != window) {
    lines_.store(0, std::memory_order_relaxed);
  }
  if (lines_.fetch_add(1, std::memory_order_relaxed) < kLinesMax) return true;
  suppressed_.fetch_add(1, std::memory_order_relaxed);
  g_suppressed.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void log_line(LogPlace& place, LogLevel level, std::string_view message,
              std::initializer_list<LogField> fields) {
  if (!place.admit(steady_seconds())) return;
  auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  auto millis = now.time_since_epoch().count() % 1000;
  std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<5} {}",
                                 fmt::gmtime(std::chrono::system_clock::to_time_t(now)), millis,
                                 log_level_name(level), message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (!needs_quotes(field.value)) { line += field.value; continue; }
    line += '"';
    append_json(line, field.value);
    line += '"';
  }
  if (uint64_t left_out = place.take_suppressed()) line += fmt::format(" suppressed={}", left_out);
  line += '\n';
  if (LogSink* sink = g_sink.load(std::memory_order_acquire)) return sink->write(line);
  [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace sluice
