#include "loop/task.h"

namespace sluice {

void Scheduler::drain() {
  // A flush may fail and make tasks ready; a release may do the same: go round until all is quiet.
  while (!ready_.empty() || !soon_.empty() || !dead_.empty()) {
    while (!ready_.empty()) {
      Task& task = ready_.pop_front();
      while (task.advance() == Next::again) {}
    }
    if (!soon_.empty()) {
      soon_.pop_front().flush();
      continue;
    }
    if (!dead_.empty()) dead_.pop_front().release();
  }
}

void Scheduler::flush_turn() {
  Turn turn(*this);
  while (!late_.empty()) {
    late_.pop_front().flush();
    if (depth_ == 1) drain();
  }
}

}  // namespace sluice
