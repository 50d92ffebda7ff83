// One log: buffers come in from the workers (LogStream) or line by line from any thread (LogSink),
// and go out through the writer's thread. What waits is bounded: when the disk or reader cannot
// follow, lines are dropped and counted, and no worker ever waits, unless the log is one that must
// not lose any. Shared by threads; the mutex guards two short lists and is never held across a
// system call of I/O.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"
#include "observe/log_buffer.h"
#include "observe/log_output.h"
#include "observe/log_signal.h"
#include "observe/log_stage.h"

namespace sluice::observe {

/// What became of the lines of one log, whatever files it went to.
struct LogCounts {
  uint64_t lines = 0;      // taken for writing
  uint64_t dropped = 0;    // lost: no room, or the file refused them
  uint64_t failures = 0;   // times that a file began to refuse
};

/// The same as threads count it: relaxed, nothing is published through it.
struct SharedLogCounts {
  std::atomic<uint64_t> lines{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> failures{0};

  LogCounts read() const {
    return {lines.load(std::memory_order_relaxed), dropped.load(std::memory_order_relaxed),
            failures.load(std::memory_order_relaxed)};
  }
};

inline constexpr std::string_view kErrorLogName = "error";
inline constexpr std::string_view kAccessLogName = "access";
inline constexpr std::string_view kAuditLogName = "audit";

/// What becomes of a line when too much waits already.
enum class OnOverflow : uint8_t {
  count,   // it is dropped and counted
  block,   // a LogStream waits until there is room; write() never does
};

struct LogOptions {
  std::string name;                     // "access", "error": in metrics and messages
  std::string path;                     // a file, "stdout" ("-") or "stderr"
  size_t buffer_bytes = 64 * 1024;      // some 150 lines for one system call
  size_t waiting_max = 64;              // buffers: 4 MiB, or 1 s of 20,000 lines a second
  OnOverflow on_overflow = OnOverflow::count;
  /// What lines go through before they are written; null: they are written as they are. Lines that
  /// went through it are never dropped but at the end: the file is tried again until it takes them.
  std::unique_ptr<LogStage> stage{};
};

class LogFile final : public LogSink {
 public:
  /// `counts` outlives the file.
  LogFile(LogOptions options, LogOutput output, LogSignal& signal, SharedLogCounts& counts);

  /// Any thread: queues one line (newline included), for logs with few of them. A line longer than
  /// a buffer is cut.
  void write(std::string_view line) override;

  LogCounts counts() const { return counts_.read(); }
  const std::string& name() const { return options_.name; }
  const std::string& path() const { return options_.path; }

  /// A worker's side (LogStream). Takes a filled buffer, or nullptr. gives: an empty one, or
  /// nullptr when too much waits already
  enum class Patience : uint8_t { none, as_configured };
  std::unique_ptr<LogBuffer> exchange(std::unique_ptr<LogBuffer> filled,
                                      Patience patience = Patience::none);
  /// Whoever waits for room goes on without, and nobody waits from now on. Any thread.
  void stop_blocking() { set_on_overflow(OnOverflow::count); }
  void set_on_overflow(OnOverflow what);
  void count_dropped(uint64_t lines) {
    counts_.dropped.fetch_add(lines, std::memory_order_relaxed);
  }

  /// The next turn of the writer opens the path anew.
  void request_reopen() { reopen_.store(true, std::memory_order_relaxed); }

  /// Nobody holds it any more: the writer closes it when all is out.
  void request_close() { closing_.store(true, std::memory_order_release); }
  bool closing() const { return closing_.load(std::memory_order_acquire); }

  /// The writer's side. gives: whether nothing waits that could be written now
  bool write_waiting();
  /// The log ends: drops and counts what waits.
  void discard_waiting();
  bool nothing_waits();
  /// The file does not take what waits, for now.
  bool failing() const { return failing_; }

 private:
  void take_waiting();
  void take_staged();
  void look_after_file();
  bool open_anew();
  void fail();
  void drop_all_but_half_line();
  void drop_waiting();
  void leave_half_line();
  std::unique_ptr<LogBuffer> empty_buffer();

  static constexpr std::chrono::seconds kReopenAgain{1};   // after it failed

  const LogOptions options_;
  LogSignal& signal_;
  SharedLogCounts& counts_;

  // The writer's own.
  LogOutput output_;
  LogBufferQueue writing_;
  bool failing_ = false;
  bool reopen_failed_ = false;
  std::chrono::steady_clock::time_point reopened_at_{};

  uint64_t lost_told_ = 0;        // of the dropped lines, those that the stage has been told of

  std::mutex mutex_;
  std::condition_variable room_;  // for who waits in exchange()
  LogBufferQueue waiting_;        // guarded by mutex_, as is free_
  LogBufferQueue free_;
  size_t held_ = 0;               // guarded too: buffers in waiting_ and writing_
  bool blocks_ = false;           // guarded too

  std::atomic<bool> reopen_{false};
  std::atomic<bool> closing_{false};
};

/// One worker's way into a LogFile. Belongs to that worker; its owner calls flush() about once a
/// second.
class LogStream {
 public:
  explicit LogStream(LogFile& file) : file_(file) {}
  LogStream(const LogStream&) = delete;
  LogStream& operator=(const LogStream&) = delete;
  ~LogStream() { flush(); }

  /// gives: room for `bytes`, or nullptr: then the line is lost and has been counted
  char* reserve(size_t bytes) {
    if (buffer_ == nullptr || buffer_->room() < bytes) [[unlikely]] return renew(bytes);
    return buffer_->bytes.get() + buffer_->size;
  }
  /// One line, newline included, now ends at `end` within the room reserved.
  void commit(const char* end) {
    buffer_->size = static_cast<size_t>(end - buffer_->bytes.get());
    ++buffer_->lines;
  }
  /// Hands over what there is.
  void flush() {
    if (buffer_ != nullptr && buffer_->size > 0) buffer_ = file_.exchange(std::move(buffer_));
  }

 private:
  char* renew(size_t bytes) {
    if (buffer_ == nullptr || buffer_->size > 0) {
      buffer_ = file_.exchange(std::move(buffer_), LogFile::Patience::as_configured);
    }
    if (buffer_ != nullptr && buffer_->room() >= bytes) return buffer_->bytes.get();
    file_.count_dropped(1);
    return nullptr;
  }

  LogFile& file_;
  std::unique_ptr<LogBuffer> buffer_;
};

}  // namespace sluice::observe
