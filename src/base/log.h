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

/// One place of the code that logs, with a bound on its lines: clients can cause some of them, and
/// must not fill the disk. What is over it is counted; the place's next line says how many.
class LogPlace {
 public:
  /// Above any honest burst (a line for each of many upstreams), 10 lines a second at length.
  static constexpr uint32_t kLinesMax = 100;
  static constexpr int64_t kWindowSeconds = 10;

  constexpr LogPlace() = default;
  /// Any thread. gives: whether the line may be written
  /// `seconds`: any clock that does not go back
  bool admit(int64_t seconds);
  /// How many were refused since it was last asked.
  uint64_t take_suppressed() { return suppressed_.exchange(0, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> window_{-1};
  std::atomic<uint32_t> lines_{0};
  std::atomic<uint64_t> suppressed_{0};
};

/// Lines that a LogPlace left out, of the whole process.
uint64_t log_lines_suppressed();

void log_line(LogPlace& place, LogLevel level, std::string_view message,
              std::initializer_list<LogField> fields);

}  // namespace sluice

#define LOG(level, message, ...)                                           \
  do {                                                                     \
    static ::sluice::LogPlace log_place;                                   \
    if (::sluice::LogLevel::level >= ::sluice::log_level()) {              \
      ::sluice::log_line(log_place, ::sluice::LogLevel::level, message,    \
                         {__VA_ARGS__});                                   \
    }                                                                      \
  } while (0)
