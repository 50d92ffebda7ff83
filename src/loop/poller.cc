#include "loop/poller.h"

#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace sluice {

Poller::Poller() : set_(epoll_create1(EPOLL_CLOEXEC)) { CHECK(set_ >= 0); }

Poller::~Poller() {
  free_buried();
  close(set_);
}

int Poller::add(int descriptor, uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return epoll_ctl(set_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : errno;
}

void Poller::change(int descriptor, uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  CHECK(epoll_ctl(set_, EPOLL_CTL_MOD, descriptor, &event) == 0);
}

void Poller::remove(int descriptor) {
  CHECK(epoll_ctl(set_, EPOLL_CTL_DEL, descriptor, nullptr) == 0);
}

void Poller::nest(int set) {
  epoll_event event{};
  event.events = EPOLLIN;
  CHECK(epoll_ctl(set_, EPOLL_CTL_ADD, set, &event) == 0);
}

void Poller::wait(int milliseconds) {
  count_ = epoll_wait(set_, events_.data(), static_cast<int>(kEventsMax), milliseconds);
  CHECK(count_ >= 0 || errno == EINTR);
}

Poller::Found Poller::dispatch() {
  Found found;
  found.any = count_ > 0;
  for (int i = 0; i < count_; ++i) {
    const epoll_event& event = events_[static_cast<size_t>(i)];
    if (auto* watcher = static_cast<Watcher*>(event.data.ptr)) {
      watcher->on_ready(event.events);
    } else {
      found.nested = true;
    }
  }
  count_ = 0;
  return found;
}

void Poller::free_buried() {
  // One that goes may bury another.
  while (!buried_.empty()) {
    Watcher* watcher = buried_.back();
    buried_.pop_back();
    watcher->on_buried();
  }
}

}  // namespace sluice
