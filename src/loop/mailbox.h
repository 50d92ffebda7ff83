// The only way from one thread to another: letters delivered on the receiver's loop, in order.
#pragma once

#include <uv.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "loop/loop.h"

namespace sluice {

/// One message; deliver() runs on the receiving loop's thread.
class Letter {
 public:
  virtual ~Letter() = default;
  virtual void deliver() = 0;
};

class Mailbox {
 public:
  /// needs: made and closed on the loop's own thread
  explicit Mailbox(Loop& loop);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox();

  /// From any thread. Letters that arrive after close() are destroyed undelivered.
  void post(std::unique_ptr<Letter> letter);
  /// Posts a callable.
  template <class Work>
  void post_work(Work work) {
    struct WorkLetter final : Letter {
      explicit WorkLetter(Work w) : work_(std::move(w)) {}
      void deliver() override { work_(); }
      Work work_;
    };
    post(std::make_unique<WorkLetter>(std::move(work)));
  }
  /// Stops keeping the loop alive and receiving.
  void close();

 private:
  struct Handle {   // outlives the Mailbox until libuv has closed it
    uv_async_t async;
    Mailbox* mailbox;
  };
  static void on_wake(uv_async_t* async);

  Loop* loop_;
  Handle* handle_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Letter>> letters_;   // guarded by mutex_
  bool closed_ = false;                            // guarded by mutex_
};

}  // namespace sluice
