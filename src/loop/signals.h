// Signals as events of a loop.
#pragma once

#include <uv.h>

#include <array>

#include "loop/loop.h"

namespace sluice {

class Signals {
 public:
  class Owner {
   public:
    virtual void on_signal(int number) = 0;
   protected:
    ~Owner() = default;
  };

  /// Until Signals are made, SIGHUP and SIGUSR1 wait: both would end a process that is still starting.
  /// needs: no thread besides the caller's, so that all later ones hold them back too
  static void hold();
  /// Watches SIGTERM, SIGINT, SIGHUP and SIGUSR1; ignores SIGPIPE (of pipes: sockets are written with MSG_NOSIGNAL); takes what was held.
  Signals(Loop& loop, Owner& owner);
  Signals(const Signals&) = delete;
  ~Signals();

 private:
  static constexpr std::array<int, 4> kWatched = {15, 2, 1, 10};   // SIGTERM, SIGINT, SIGHUP, SIGUSR1
  struct Watch {   // lives until libuv has closed it
    uv_signal_t handle;
    Signals* signals;
  };
  static void on_signal(uv_signal_t* handle, int number);

  Loop* loop_;
  Owner* owner_;
  std::array<Watch*, kWatched.size()> watches_{};
};

}  // namespace sluice
