// A buffer of whole log lines, and the queue in which buffers change hands. No lock:
// observe/log_file.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace sluice::observe {

struct LogBuffer {
  explicit LogBuffer(size_t capacity_bytes)
      : bytes(std::make_unique_for_overwrite<char[]>(capacity_bytes)), capacity(capacity_bytes) {}

  std::unique_ptr<char[]> bytes;
  size_t capacity;
  size_t size = 0;
  size_t written = 0;           // bytes that the file has taken
  uint64_t lines = 0;
  bool open = false;            // queued, but LogFile::write() may still add lines
  std::unique_ptr<LogBuffer> next;

  size_t room() const { return capacity - size; }
  std::string_view unwritten() const { return {bytes.get() + written, size - written}; }
  /// Keeps what is left of the line that is half written, and drops the rest. gives: lines dropped
  uint64_t keep_first_line() {
    std::string_view rest = unwritten();
    size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    std::string_view lost = rest.substr(end);
    size -= lost.size();
    return static_cast<uint64_t>(std::count(lost.begin(), lost.end(), '\n'));
  }
  /// Leaves out what is left of the line that is half written. gives: lines dropped
  uint64_t drop_first_line() {
    size_t end = unwritten().find('\n');
    written = end == std::string_view::npos ? size : written + end + 1;
    return 1;
  }
  /// Takes back what was written of the line that is half written.
  void rewind_line() {
    size_t end = std::string_view(bytes.get(), written).rfind('\n');
    written = end == std::string_view::npos ? 0 : end + 1;
  }
  void clear() {
    size = written = 0;
    lines = 0;
    open = false;
  }
};

/// First in, first out; owns what it holds; allocates nothing.
class LogBufferQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  size_t count() const { return count_; }
  LogBuffer* front() const { return head_.get(); }
  LogBuffer* back() const { return tail_; }

  void push(std::unique_ptr<LogBuffer> buffer) {
    LogBuffer* last = buffer.get();
    (tail_ == nullptr ? head_ : tail_->next) = std::move(buffer);
    tail_ = last;
    ++count_;
  }
  /// gives: nullptr when empty
  std::unique_ptr<LogBuffer> pop() {
    std::unique_ptr<LogBuffer> first = std::move(head_);
    if (first == nullptr) return first;
    head_ = std::move(first->next);
    if (head_ == nullptr) tail_ = nullptr;
    --count_;
    return first;
  }
  /// Moves all of `other` to the end.
  void append(LogBufferQueue& other) {
    while (std::unique_ptr<LogBuffer> buffer = other.pop()) push(std::move(buffer));
  }

 private:
  std::unique_ptr<LogBuffer> head_;
  LogBuffer* tail_ = nullptr;
  size_t count_ = 0;
};

}  // namespace sluice::observe
