// Which sockets can be read or written: the loop's own epoll set. A socket costs it nothing but its place in
// the kernel's set, where a libuv handle is 248 bytes and a stream's whole path on each readiness. Linux only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

/// Somebody who owns a socket of the set.
class Watcher {
 public:
  /// `events`: EPOLLIN, EPOLLOUT; EPOLLERR and EPOLLHUP come unasked.
  virtual void on_ready(uint32_t events) = 0;
  /// The end of the turn after Poller::bury(): destroys *this.
  virtual void on_buried() = 0;

 protected:
  ~Watcher() = default;
};

class Poller {
 public:
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  /// Level-triggered without EPOLLET; a descriptor leaves the set by remove() or when it is closed.
  /// gives: 0 or errno (ENOSPC, ENOMEM: the system's limit)
  int add(int descriptor, uint32_t events, Watcher& watcher);
  void change(int descriptor, uint32_t events, Watcher& watcher);
  void remove(int descriptor);
  /// An event for it may be under way: its memory goes when the turn is over.
  void bury(Watcher& watcher) { buried_.push_back(&watcher); }

  /// Another set whose readiness ends a wait too.
  void nest(int set);

  struct Found {
    bool any = false;      // not just the end of the patience
    bool nested = false;   // the other set has something
  };
  /// Waits for events; -1 milliseconds: without end.
  void wait(int milliseconds);
  /// Tells the watchers of what wait() found.
  Found dispatch();
  void free_buried();

 private:
  static constexpr size_t kEventsMax = 1024;   // as libuv; what is left comes with the next turn

  int set_;
  int count_ = 0;   // events found
  std::vector<Watcher*> buried_;
  std::array<epoll_event, kEventsMax> events_;
};

}  // namespace sluice
