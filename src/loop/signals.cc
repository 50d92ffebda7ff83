#include "loop/signals.h"

#include <csignal>

#include "base/check.h"

namespace sluice {

static_assert(SIGTERM == 15 && SIGINT == 2 && SIGHUP == 1 && SIGUSR1 == 10);

namespace {

void mask_early(int how) {
  sigset_t early;
  sigemptyset(&early);
  sigaddset(&early, SIGHUP);
  sigaddset(&early, SIGUSR1);
  pthread_sigmask(how, &early, nullptr);
}

}  // namespace

void Signals::hold() { mask_early(SIG_BLOCK); }

Signals::Signals(Loop& loop, Owner& owner) : loop_(&loop), owner_(&owner) {
  std::signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < kWatched.size(); ++i) {
    watches_[i] = new Watch{{}, this};
    watches_[i]->handle.data = watches_[i];
    CHECK(uv_signal_init(loop.uv(), &watches_[i]->handle) == 0);
    CHECK(uv_signal_start(&watches_[i]->handle, &Signals::on_signal, kWatched[i]) == 0);
  }
  mask_early(SIG_UNBLOCK);
}

Signals::~Signals() {
  for (Watch* watch : watches_) {
    watch->signals = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle),
             [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
  }
}

void Signals::on_signal(uv_signal_t* handle, int number) {
  Signals* signals = static_cast<Watch*>(handle->data)->signals;
  if (signals == nullptr) return;
  LoopTurn turn(*signals->loop_);
  signals->owner_->on_signal(number);
}

}  // namespace sluice
