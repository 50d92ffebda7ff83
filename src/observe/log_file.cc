#include "observe/log_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace sluice::observe {

LogFile::LogFile(LogOptions options, LogOutput output, LogSignal& signal, SharedLogCounts& counts)
    : options_(std::move(options)), signal_(signal), counts_(counts), output_(std::move(output)) {
  blocks_ = options_.on_overflow == OnOverflow::block;
  lost_told_ = counts_.dropped.load(std::memory_order_relaxed);
}

void LogFile::write(std::string_view line) {
  if (line.empty()) return;
  size_t size = std::min(line.size(), options_.buffer_bytes);
  {
    std::lock_guard lock(mutex_);
    LogBuffer* last = waiting_.back();
    if (last == nullptr || !last->open || last->room() < size) {
      std::unique_ptr<LogBuffer> fresh = empty_buffer();
      if (fresh == nullptr) return count_dropped(1);
      last = fresh.get();
      last->open = true;
      waiting_.push(std::move(fresh));
      ++held_;
    }
    std::memcpy(last->bytes.get() + last->size, line.data(), size);
    last->size += size;
    if (size < line.size()) last->bytes[last->size - 1] = '\n';
    ++last->lines;
  }
  counts_.lines.fetch_add(1, std::memory_order_relaxed);
  signal_.work();
}

std::unique_ptr<LogBuffer> LogFile::exchange(std::unique_ptr<LogBuffer> filled, Patience patience) {
  bool wake = filled != nullptr;
  if (filled != nullptr) counts_.lines.fetch_add(filled->lines, std::memory_order_relaxed);
  std::unique_ptr<LogBuffer> fresh;
  {
    std::unique_lock lock(mutex_);
    if (filled != nullptr) {
      waiting_.push(std::move(filled));
      ++held_;
    }
    fresh = empty_buffer();
    if (fresh == nullptr && blocks_ && patience == Patience::as_configured) {
      signal_.work();
      room_.wait(lock, [&] { return !blocks_ || (fresh = empty_buffer()) != nullptr; });
    }
  }
  if (wake) signal_.work();
  return fresh;
}

void LogFile::set_on_overflow(OnOverflow what) {
  {
    std::lock_guard lock(mutex_);
    blocks_ = what == OnOverflow::block;
  }
  room_.notify_all();
}

// needs: mutex_ held
std::unique_ptr<LogBuffer> LogFile::empty_buffer() {
  if (held_ >= options_.waiting_max) return nullptr;
  if (std::unique_ptr<LogBuffer> used = free_.pop()) return used;
  return std::make_unique<LogBuffer>(options_.buffer_bytes);
}

void LogFile::take_waiting() {
  if (options_.stage != nullptr) return take_staged();
  std::lock_guard lock(mutex_);
  writing_.append(waiting_);
}

// What has gone through the stage is written before more does: so little is staged and not written.
void LogFile::take_staged() {
  if (!writing_.empty() || !options_.stage->has_room()) return;
  LogBufferQueue taken;
  std::unique_ptr<LogBuffer> news;
  uint64_t dropped = counts_.dropped.load(std::memory_order_relaxed);
  uint64_t lost = dropped - lost_told_;
  {
    std::lock_guard lock(mutex_);
    taken.append(waiting_);
    if ((!taken.empty() || lost > 0) && options_.stage->has_news(lost)) {
      news = free_.pop();
      if (news == nullptr) news = std::make_unique<LogBuffer>(options_.buffer_bytes);
      ++held_;
    }
  }
  if (news != nullptr) {
    options_.stage->say(*news, lost);
    lost_told_ = dropped;
    writing_.push(std::move(news));
  }
  for (LogBuffer* at = taken.front(); at != nullptr; at = at->next.get()) options_.stage->seal(*at);
  writing_.append(taken);
}

bool LogFile::write_waiting() {
  if (!nothing_waits()) look_after_file();   // before the stage, which says what this file needs
  take_waiting();
  LogBufferQueue done;
  LogOutput::Outcome outcome = output_.write(writing_, done);
  size_t freed = done.count();
  if (outcome == LogOutput::Outcome::failed) fail();
  if (outcome == LogOutput::Outcome::all && freed > 0 && std::exchange(failing_, false)) {
    LOG(info, "log is written again", kv("log", options_.name), kv("path", options_.path));
  }
  for (LogBuffer* at = done.front(); at != nullptr; at = at->next.get()) {
    if (options_.stage != nullptr) options_.stage->on_written(*at);
    at->clear();
  }
  {
    std::lock_guard lock(mutex_);
    held_ -= freed;
    free_.append(done);
  }
  if (freed > 0) room_.notify_all();
  if (options_.stage != nullptr && freed > 0 && writing_.empty()) options_.stage->on_all_written();
  if (reopen_.load(std::memory_order_relaxed)) look_after_file();
  // Without a stage what comes later tries again.
  return writing_.empty() ? options_.stage == nullptr || nothing_waits() : failing_ && options_.stage == nullptr;
}

bool LogFile::nothing_waits() {
  std::lock_guard lock(mutex_);
  return waiting_.empty() && writing_.empty();
}

// The file refuses: what waits is lost, what comes later is tried again. Said once until it works
// again. Of a line that is half written the rest is kept: it comes first when there is room.
void LogFile::fail() {
  bool first = !std::exchange(failing_, true);
  if (options_.stage == nullptr) drop_all_but_half_line();
  if (!first) return;
  counts_.failures.fetch_add(1, std::memory_order_relaxed);
  std::string why = output_.error().message();
  LOG(error, "log cannot be written", kv("log", options_.name), kv("path", options_.path),
      kv("error", why));
  // The line above is lost when it is the error log that cannot be written.
  if (options_.name != kErrorLogName) return;
  dprintf(STDERR_FILENO, "sluice: cannot write %s: %s\n", options_.path.c_str(), why.c_str());
}

void LogFile::drop_all_but_half_line() {
  std::unique_ptr<LogBuffer> half;
  if (output_.line_open() && !writing_.empty()) half = writing_.pop();
  if (half != nullptr) count_dropped(half->keep_first_line());
  drop_waiting();
  if (half != nullptr) writing_.push(std::move(half));
}

void LogFile::discard_waiting() {
  bool whole = nothing_waits();
  drop_waiting();
  if (options_.stage != nullptr && whole) options_.stage->on_closed();
}

void LogFile::drop_waiting() {
  uint64_t lost = 0;
  std::lock_guard lock(mutex_);
  writing_.append(waiting_);
  held_ -= writing_.count();
  while (std::unique_ptr<LogBuffer> buffer = writing_.pop()) {
    std::string_view rest = buffer->unwritten();
    lost += static_cast<uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    buffer->clear();
    free_.push(std::move(buffer));
  }
  count_dropped(lost);
}

// Opens the path anew when that was asked for, or when somebody has deleted the file. Tried again
// later when it fails; the old file stays until then.
void LogFile::look_after_file() {
  bool asked = reopen_.load(std::memory_order_relaxed);
  if (!asked && !output_.deleted()) return;
  auto now = std::chrono::steady_clock::now();
  if (reopen_failed_ && now - reopened_at_ < kReopenAgain) return;
  reopened_at_ = now;
  // Before the opening: what is asked for meanwhile comes in the next turn.
  reopen_.store(false, std::memory_order_relaxed);
  if (open_anew()) {
    reopen_failed_ = false;
    if (asked) return;
    LOG(warn, "log file was deleted, made anew", kv("log", options_.name),
        kv("path", options_.path));
    return;
  }
  if (asked) reopen_.store(true, std::memory_order_relaxed);
  reopen_failed_ = true;
}

bool LogFile::open_anew() {
  Result<LogOutput, std::error_code> opened = LogOutput::open(options_.path);
  if (!opened) {
    if (!reopen_failed_) {
      LOG(error, "log cannot be opened anew, the old file stays", kv("log", options_.name),
          kv("path", options_.path), kv("error", opened.error().message()));
    }
    return false;
  }
  // The rest of a half written line belongs to the file that has its beginning.
  bool another = !opened->same_file(output_);
  if (another && output_.line_open()) leave_half_line();
  if (another && options_.stage != nullptr) options_.stage->on_another_file();
  output_.replace(std::move(*opened));
  return true;
}

// A line that went through the stage must not be lost: it is written again, whole.
void LogFile::leave_half_line() {
  if (writing_.empty()) return;
  if (options_.stage != nullptr) return writing_.front()->rewind_line();
  count_dropped(writing_.front()->drop_first_line());
}

}  // namespace sluice::observe
