#include "export/copy_queue.h"

#include <algorithm>

namespace sluice::exporting {

using observe::OnOverflow;

bool CopyQueue::has_room() const {
  if (on_overflow_.load(std::memory_order_relaxed) == OnOverflow::count) return true;
  std::lock_guard lock(mutex_);
  return bytes_ < kBytesMax;
}

// While it blocks, the log asks before it writes what is taken here: that is a full turn of it at most.
void CopyQueue::take(std::string_view lines, uint64_t count) {
  {
    std::lock_guard lock(mutex_);
    bool counts = on_overflow_.load(std::memory_order_relaxed) == OnOverflow::count;
    if (counts && bytes_ + lines.size() > kBytesMax) return count_dropped(count);
    waiting_.emplace_back(lines);
    bytes_ += lines.size();
  }
  counts_->lines.fetch_add(count, std::memory_order_relaxed);
  bell_->ring();
}

std::string CopyQueue::next() {
  std::lock_guard lock(mutex_);
  std::string out;
  while (!waiting_.empty() && (out.empty() || out.size() + waiting_.front().size() <= kPieceBytes)) {
    if (out.empty()) out = std::move(waiting_.front());
    else out += waiting_.front();
    waiting_.pop_front();
  }
  return out;
}

void CopyQueue::done(size_t bytes) {
  std::lock_guard lock(mutex_);
  bytes_ -= bytes;
}

bool CopyQueue::empty() const {
  std::lock_guard lock(mutex_);
  return bytes_ == 0;
}

void CopyQueue::drop_all() {
  std::lock_guard lock(mutex_);
  for (const std::string& lines : waiting_) {
    count_dropped(static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
    bytes_ -= lines.size();
  }
  waiting_.clear();
}

}  // namespace sluice::exporting
