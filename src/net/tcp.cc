#include "net/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/check.h"

namespace sluice::net {
namespace {

Error error_from(int number) {
  Error error{Code::reset, Side::gateway, Progress::unsent, uv_strerror(-number)};
  switch (number) {
    case ECONNREFUSED: case ENOENT: error.code = Code::connect_refused; break;
    case ETIMEDOUT: error.code = Code::connect_timeout; break;
    case EHOSTUNREACH: case ENETUNREACH: case EADDRNOTAVAIL: case EACCES:
      error.code = Code::connect_failed;
      break;
    case EMFILE: case ENFILE: case ENOBUFS: case ENOMEM: case ENOSPC:   // we are full, not they
      error.code = Code::overloaded;
      break;
    default: break;
  }
  return error;
}

/// Of a connection that was open: not one of the connect_ codes.
Error broken_from(int number) {
  Error error = error_from(number);
  error.code = number == ETIMEDOUT ? Code::timeout : Code::reset;
  return error;
}

/// Of a connection that never opened.
Error connect_error_from(int number) {
  Error error = error_from(number);
  if (error.code == Code::reset) error.code = Code::connect_failed;
  return error;
}

// The calls of every request, straight to the kernel: glibc's recv and send are points of cancellation, which
// cost two locked instructions each once there are threads.
ssize_t receive(int descriptor, char* to, size_t bytes) {
  return syscall(SYS_recvfrom, descriptor, to, bytes, MSG_DONTWAIT, nullptr, nullptr);
}
ssize_t transmit(int descriptor, std::string_view bytes) {
  return syscall(SYS_sendto, descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}

/// TCP or unix stream. The loop's poller tells of edges: that there is something new to read is heard once, and
/// remembered in readable_ until a read came short. Whoever stops before that asks the poller again (rearm).
class Socket final : public Transport, private Watcher {
 public:
  // Full reads before another connection is looked at: 1 MiB in large blocks.
  static constexpr int kReadsPerTurn = 4;

  Socket(Loop& loop, int descriptor, bool is_unix)
      : loop_(&loop), descriptor_(descriptor), is_unix_(is_unix) {}

  /// gives: 0, or errno when nothing will ever tell how it went on
  int connect(const SocketAddress& to, Events& events);

  void start(Events& events) override {
    events_ = &events;
    resume_read();
  }
  void set_events(Events& events) override { events_ = &events; }
  Result<void> write(Chain bytes) override;
  size_t queued() const override { return queue_ ? queue_->size() : 0; }
  void pause_read() override { reading_ = false; }
  void resume_read() override {
    if (reading_ || failed_ || eof_) return;
    reading_ = true;
    if (watched_ == 0 || readable_) watch();   // what came meanwhile is told in the next turn
  }
  bool read_paused() const override { return !reading_; }
  void leave_bytes() override {
    if (left_alone_) rearm();
    left_alone_ = true;
    bulk_ = false;
  }
  void take_bytes() override {
    bulk_ = false;
    if (left_alone_) rearm();
    left_alone_ = false;
  }
  void finish() override;
  void abort() override;
  bool broken() const override;
  bool input_waits() const override {
    char byte = 0;
    return recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  int raw_socket() const override { return connecting_ ? -1 : descriptor_; }

 protected:
  void destroy() override {
    events_ = nullptr;
    close_now();
    loop_->bury(*this);
  }

 private:
  ~Socket() = default;
  void on_ready(uint32_t events) override;
  void on_buried() override { delete this; }

  void watch();
  void rearm() { if (watched_ != 0) watch(); }
  void close_now();
  void end_connect();
  bool read_once();
  ssize_t send_some(const Chain& bytes, size_t& tried) const;
  Result<void> send_all(Chain& bytes);
  void queue(Chain bytes);
  void write_queue();
  void fail(int number);

  Events* events_ = nullptr;
  Loop* loop_;
  std::unique_ptr<Chain> queue_;        // exists only after a short write
  int descriptor_;
  uint32_t watched_ = 0;                // what the poller tells of
  uint8_t connect_error_ = 0;           // told later
  bool is_unix_ : 1;
  bool connecting_ : 1 = false;
  bool reading_ : 1 = false;
  bool readable_ : 1 = false;           // an edge came, and no read has come short since
  bool hung_up_ : 1 = false;            // no edge comes any more: reads go on to the end
  bool bulk_ : 1 = false;               // the last read filled a normal block: take a larger one
  bool left_alone_ : 1 = false;         // somebody else takes the bytes
  bool failed_ : 1 = false;
  bool eof_ : 1 = false;
  bool write_failed_ : 1 = false;
  bool finishing_ : 1 = false;
};

// Tells the poller what we want to hear, and has it look at once whether that is so already. For room to write it
// is asked only when something waits: a unix socket would tell of every byte that its peer takes.
void Socket::watch() {
  uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  bool keeps = !is_unix_ && (watched_ & EPOLLOUT) != 0;   // TCP tells only after it was full
  if (queue_ || connecting_ || keeps) events |= EPOLLOUT;
  if (descriptor_ < 0) return;
  if (watched_ != 0) {
    loop_->rewatch(descriptor_, events, *this);
  } else if (int number = loop_->watch(descriptor_, events, *this); number != 0) {
    // No room in the kernel's set: nothing would ever be heard of this socket again.
    reading_ = false;
    return fail(number);
  }
  watched_ = events;
}

void Socket::on_ready(uint32_t events) {
  if (connecting_ && descriptor_ >= 0) end_connect();
  if (failed_ || descriptor_ < 0) return;   // closed, perhaps since the poller looked
  if ((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) hung_up_ = true;
  if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  if (queue_ && ((events & EPOLLOUT) != 0 || hung_up_)) write_queue();
  for (int reads = 0; reads < kReadsPerTurn && read_once(); ++reads) {}
  if (readable_ && reading_) rearm();
}

// gives: true when there may be more to read now
bool Socket::read_once() {
  if (!readable_ || !reading_ || events_ == nullptr) return false;
  if (left_alone_) {
    LoopTurn turn(*loop_);
    readable_ = false;   // whoever takes the bytes leaves none, or asks again
    events_->on_readable();
    if (!reading_) readable_ = true;   // paused instead: what is left there is not known
    return false;
  }
  // While memory is short, whoever cannot pass the bytes on keeps a page of them, no more.
  bool sparing = loop_->blocks().short_of_memory();
  Block& block = loop_->read_block(sparing ? BlockPool::kSmall : bulk_ ? BlockPool::kBulk : BlockPool::kRead);
  size_t room = sparing ? BlockPool::kSmall : block.capacity();
  ssize_t count = receive(descriptor_, block.data(), room);
  if (count < 0 && errno == EINTR) return true;
  if (count < 0 && errno == EAGAIN) return readable_ = false;
  LoopTurn turn(*loop_);   // what the bytes cause is done before the next read
  if (count > 0) {
    auto bytes = static_cast<size_t>(count);
    readable_ = bytes == room || hung_up_;
    bulk_ = bytes >= BlockPool::kRead;
    events_->on_read(Slice{&block, block.data(), bytes});
    return true;
  }
  int number = errno;
  reading_ = readable_ = false;
  if (count < 0) {
    fail(number);
  } else {
    eof_ = true;
    events_->on_eof();
  }
  return false;
}

void Socket::fail(int number) {
  if (failed_) return;
  failed_ = true;
  if (events_) events_->on_failed(broken_from(number));
}

ssize_t Socket::send_some(const Chain& bytes, size_t& tried) const {
  std::string_view first = bytes.front();
  tried = first.size();
  if (first.size() == bytes.size()) return transmit(descriptor_, first);
  constexpr size_t kSlices = 64;
  std::array<iovec, kSlices> slices;
  msghdr message{};
  message.msg_iov = slices.data();
  message.msg_iovlen = bytes.gather(slices.data(), kSlices);
  for (size_t i = 1; i < message.msg_iovlen; ++i) tried += slices[i].iov_len;
  return sendmsg(descriptor_, &message, MSG_NOSIGNAL);
}

// Hands over what the kernel takes now; the rest stays in `bytes`.
Result<void> Socket::send_all(Chain& bytes) {
  bool some_left = false;
  while (!bytes.empty()) {
    size_t tried = 0;
    ssize_t wrote = send_some(bytes, tried);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) break;
    if (wrote < 0) {
      write_failed_ = true;
      Error error = broken_from(errno);
      if (some_left) error.progress = Progress::sent;
      return error;
    }
    some_left = true;
    bytes.drop_front(static_cast<size_t>(wrote));
    if (static_cast<size_t>(wrote) < tried) break;   // full: the next try would only say EAGAIN
  }
  return {};
}

Result<void> Socket::write(Chain bytes) {
  if (write_failed_ || failed_ || finishing_) {
    return Error{Code::reset, Side::gateway, Progress::sent, "write after failure or end"};
  }
  if (!queue_ && !connecting_) {
    if (Result<void> sent = send_all(bytes); !sent) return sent;
  }
  if (!bytes.empty()) queue(std::move(bytes));
  return {};
}

void Socket::queue(Chain bytes) {
  bytes.compact(loop_->blocks());   // it may wait long: a few bytes must not pin a read buffer
  if (!queue_) queue_ = std::make_unique<Chain>();
  queue_->append(std::move(bytes));
  if (watched_ == 0 || (watched_ & EPOLLOUT) == 0) watch();
}

void Socket::write_queue() {
  LoopTurn turn(*loop_);
  if (Result<void> sent = send_all(*queue_); !sent) {
    queue_.reset();
    if (events_) events_->on_write_failed(sent.error());
    return;
  }
  if (!queue_->empty()) return;
  queue_.reset();
  if (is_unix_) rearm();
  if (finishing_) shutdown(descriptor_, SHUT_WR);
  if (events_) events_->on_writable();
}

void Socket::finish() {
  if (finishing_ || failed_ || write_failed_) return;
  finishing_ = true;
  if (!queue_ && !connecting_) shutdown(descriptor_, SHUT_WR);   // otherwise after what is queued
}

void Socket::abort() {
  failed_ = true;
  reading_ = false;
  if (descriptor_ >= 0 && !is_unix_) {
    linger immediately{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &immediately, sizeof(immediately));
  }
  close_now();
}

void Socket::close_now() {
  if (descriptor_ < 0) return;
  if (watched_ != 0) loop_->forget_watch();
  watched_ = 0;
  close(std::exchange(descriptor_, -1));
}

bool Socket::broken() const {
  if (failed_) return true;
  pollfd poll_for{descriptor_, 0, 0};
  return poll(&poll_for, 1, 0) > 0 && (poll_for.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0;
}

int Socket::connect(const SocketAddress& to, Events& events) {
  events_ = &events;
  connecting_ = true;
  int on = 1;
  if (!is_unix_) setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_storage address;
  socklen_t size = to.fill(address);
  int status = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), size);
  bool under_way = status == 0 || errno == EINPROGRESS || errno == EINTR;
  if (!under_way) connect_error_ = static_cast<uint8_t>(errno);   // on_ready comes for such a socket too
  uint32_t edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  int number = loop_->watch(descriptor_, edges, *this);
  if (number == 0) watched_ = edges;
  return number;
}

void Socket::end_connect() {
  LoopTurn turn(*loop_);
  int number = connect_error_;
  socklen_t size = sizeof(number);
  if (number == 0) getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &number, &size);
  connecting_ = false;
  if (number != 0) {
    failed_ = true;
    watched_ = 0;
    loop_->unwatch(descriptor_);
    return events_->on_failed(connect_error_from(number));
  }
  reading_ = true;
  if (finishing_ && !queue_) shutdown(descriptor_, SHUT_WR);
  if (is_unix_) rearm();   // see watch()
  events_->on_open();
}

}  // namespace

Result<TransportPtr> connect_socket(Loop& loop, const SocketAddress& to,
                                    Transport::Events& events) {
  int descriptor = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return connect_error_from(errno);
  auto* made = new Socket(loop, descriptor, to.is_unix());
  TransportPtr transport(made);
  if (descriptor >= loop.descriptors().end) return connect_error_from(EMFILE);
  if (int number = made->connect(to, events); number != 0) return connect_error_from(number);
  return transport;
}

TransportPtr adopt_socket(Loop& loop, int descriptor, bool is_unix) {
  return TransportPtr(new Socket(loop, descriptor, is_unix));
}

}  // namespace sluice::net
