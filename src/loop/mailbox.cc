#include "loop/mailbox.h"

#include "base/check.h"

namespace sluice {

Mailbox::Mailbox(Loop& loop) : loop_(&loop), handle_(new Handle{}) {
  handle_->mailbox = this;
  handle_->async.data = handle_;
  CHECK(uv_async_init(loop.uv(), &handle_->async, &Mailbox::on_wake) == 0);
}

Mailbox::~Mailbox() { close(); }

void Mailbox::close() {
  std::vector<std::unique_ptr<Letter>> undelivered;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    undelivered.swap(letters_);
  }
  handle_->mailbox = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->async),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void Mailbox::post(std::unique_ptr<Letter> letter) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  letters_.push_back(std::move(letter));
  uv_async_send(&handle_->async);
}

void Mailbox::on_wake(uv_async_t* async) {
  Mailbox* mailbox = static_cast<Handle*>(async->data)->mailbox;
  if (mailbox == nullptr) return;
  LoopTurn turn(*mailbox->loop_);
  std::vector<std::unique_ptr<Letter>> letters;
  {
    std::lock_guard lock(mailbox->mutex_);
    letters.swap(mailbox->letters_);
  }
  for (auto& letter : letters) letter->deliver();
}

}  // namespace sluice
