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

void log_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
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
  line += '\n';
  if (LogSink* sink = g_sink.load(std::memory_order_acquire)) return sink->write(line);
  [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace sluice
