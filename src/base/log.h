// The error log: one event a line, constant words first, then key=value. Not the access log (observe/).
// The sink is the one process-wide object of base: a line may be written before anything else exists.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice {

enum class LogLevel : uint8_t { debug, info, warn, error };
std::string_view log_level_name(LogLevel level);

/// Receives whole lines (newline included), from any thread.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(std::string_view line) = 0;
};

/// Sets where lines go; nullptr means stderr, written at once. The caller keeps `sink` alive until replaced.
void set_log_sink(LogSink* sink);
void set_log_level(LogLevel level);
LogLevel log_level();

struct LogField {
  std::string_view key;
  std::string value;
};

inline LogField kv(std::string_view key, std::string_view value) { return {key, std::string(value)}; }
inline LogField kv(std::string_view key, const char* value) { return {key, std::string(value)}; }
template <class T>
  requires std::is_arithmetic_v<T>
LogField kv(std::string_view key, T value) { return {key, std::to_string(value)}; }

void log_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

}  // namespace sluice

#define LOG(level, message, ...)                                           \
  do {                                                                     \
    if (::sluice::LogLevel::level >= ::sluice::log_level()) {              \
      ::sluice::log_line(::sluice::LogLevel::level, message, {__VA_ARGS__}); \
    }                                                                      \
  } while (0)
