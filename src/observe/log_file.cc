#include "observe/log_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::observe {

LogFile::LogFile(LogOptions options, LogOutput output, LogSignal& signal)
    : options_(std::move(options)), signal_(signal), output_(std::move(output)) {}

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
  lines_.fetch_add(1, std::memory_order_relaxed);
  signal_.work();
}

std::unique_ptr<LogBuffer> LogFile::exchange(std::unique_ptr<LogBuffer> filled) {
  bool wake = filled != nullptr;
  if (filled != nullptr) lines_.fetch_add(filled->lines, std::memory_order_relaxed);
  std::unique_ptr<LogBuffer> fresh;
  {
    std::lock_guard lock(mutex_);
    if (filled != nullptr) {
      waiting_.push(std::move(filled));
      ++held_;
    }
    fresh = empty_buffer();
  }
  if (wake) signal_.work();
  return fresh;
}

// needs: mutex_ held
std::unique_ptr<LogBuffer> LogFile::empty_buffer() {
  if (held_ >= options_.waiting_max) return nullptr;
  if (std::unique_ptr<LogBuffer> used = free_.pop()) return used;
  return std::make_unique<LogBuffer>(options_.buffer_bytes);
}

LogFile::Counts LogFile::counts() const {
  return {lines_.load(std::memory_order_relaxed), dropped_.load(std::memory_order_relaxed),
          failures_.load(std::memory_order_relaxed)};
}

bool LogFile::write_waiting() {
  {
    std::lock_guard lock(mutex_);
    writing_.append(waiting_);
  }
  LogBufferQueue done;
  LogOutput::Outcome outcome = output_.write(writing_, done);
  size_t freed = done.count();
  if (outcome == LogOutput::Outcome::failed) fail();
  if (outcome == LogOutput::Outcome::all && freed > 0 && std::exchange(failing_, false)) {
    LOG(info, "log is written again", kv("log", options_.name), kv("path", options_.path));
  }
  for (LogBuffer* at = done.front(); at != nullptr; at = at->next.get()) at->clear();
  {
    std::lock_guard lock(mutex_);
    held_ -= freed;
    free_.append(done);
  }
  if (reopen_.exchange(false, std::memory_order_relaxed)) open_anew();
  return writing_.empty();
}

// The file refuses: what waits is lost, what comes later is tried again. Said once until it works
// again.
void LogFile::fail() {
  bool first = !std::exchange(failing_, true);
  discard_waiting();
  if (!first) return;
  failures_.fetch_add(1, std::memory_order_relaxed);
  LOG(error, "log cannot be written", kv("log", options_.name), kv("path", options_.path),
      kv("error", output_.error().message()));
}

void LogFile::discard_waiting() {
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

void LogFile::open_anew() {
  Result<LogOutput, std::error_code> opened = LogOutput::open(options_.path);
  if (opened) {
    output_ = std::move(*opened);
    return;
  }
  LOG(error, "log cannot be opened anew, the old file stays", kv("log", options_.name),
      kv("path", options_.path), kv("error", opened.error().message()));
}

}  // namespace sluice::observe
