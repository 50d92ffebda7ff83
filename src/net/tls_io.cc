#include "net/tls_io.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace sluice::net {

TlsIo::TlsIo(Loop& loop)
    : loop_(&loop), bio_(BIO_new(method())), record_(new char[kRecordBytes]) {
  CHECK(bio_ != nullptr);
  BIO_set_data(bio_, this);
  BIO_set_init(bio_, 1);
}

TlsIo::~TlsIo() {
  BIO_set_data(bio_, nullptr);
  BIO_free(bio_);
}

const BIO_METHOD* TlsIo::method() {
  // Never freed: a BIO may still be held by a connection that dies after its worker's TlsIo.
  static const BIO_METHOD* const built = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
    CHECK(made != nullptr);
    BIO_meth_set_write(made, &TlsIo::on_write);
    BIO_meth_set_read(made, &TlsIo::on_read);
    BIO_meth_set_ctrl(made, &TlsIo::on_control);
    return made;
  }();
  return built;
}

BIO* TlsIo::share_bio() {
  BIO_up_ref(bio_);
  return bio_;
}

Block& TlsIo::plain_block(size_t waiting) {
  size_t wanted = waiting > BlockPool::kRead ? BlockPool::kBulk : BlockPool::kRead;
  if (!plain_ || plain_->refs() > 1 || plain_->capacity() != wanted) {
    plain_ = loop_->blocks().take(wanted);
  }
  return *plain_.get();
}

void TlsIo::append(std::string_view bytes) {
  if (bytes.size() <= BlockPool::kSmall) {
    output_.append_copy(loop_->blocks(), bytes);
    return;
  }
  while (!bytes.empty()) {
    if (large_ && large_->refs() == 1) large_used_ = 0;   // all of it has been written
    if (!large_ || large_used_ == large_->capacity()) {
      large_ = loop_->blocks().take(BlockPool::kRead);
      large_used_ = 0;
    }
    size_t part = std::min(bytes.size(), large_->capacity() - large_used_);
    char* to = large_->data() + large_used_;
    std::memcpy(to, bytes.data(), part);
    large_used_ += part;
    output_.append(Slice{large_.get(), to, part});
    bytes.remove_prefix(part);
  }
}

int TlsIo::on_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto* io = static_cast<TlsIo*>(BIO_get_data(bio));
  if (io == nullptr || size <= 0) return -1;
  io->append({data, static_cast<size_t>(size)});
  return size;
}

int TlsIo::on_read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  auto* io = static_cast<TlsIo*>(BIO_get_data(bio));
  if (io == nullptr || io->input_ == nullptr || io->input_->empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::string_view front = io->input_->front();
  size_t part = std::min(front.size(), static_cast<size_t>(size));
  std::memcpy(out, front.data(), part);
  io->input_->drop_front(part);
  return static_cast<int>(part);
}

long TlsIo::on_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace sluice::net
