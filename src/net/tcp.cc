#include "net/tcp.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace sluice::net {
namespace {

Error error_from(int status) {
  Error error{Code::reset, Side::gateway, Progress::unsent, uv_strerror(status)};
  switch (status) {
    case UV_ECONNREFUSED: case UV_ENOENT: error.code = Code::connect_refused; break;
    case UV_ETIMEDOUT: error.code = Code::connect_timeout; break;
    case UV_EHOSTUNREACH: case UV_ENETUNREACH: case UV_EADDRNOTAVAIL: case UV_EACCES:
      error.code = Code::connect_failed;
      break;
    case UV_EMFILE: case UV_ENFILE: case UV_ENOBUFS: case UV_ENOMEM:   // we are full, not they
      error.code = Code::overloaded;
      break;
    default: break;
  }
  return error;
}

/// Of a connection that was open: not one of the connect_ codes.
Error broken_from(int status) {
  Error error = error_from(status);
  error.code = status == UV_ETIMEDOUT ? Code::timeout : Code::reset;
  return error;
}

/// Of a connection that never opened.
Error connect_error_from(int status) {
  Error error = error_from(status);
  if (error.code == Code::reset) error.code = Code::connect_failed;
  return error;
}

/// Handle is uv_tcp_t or uv_pipe_t.
template <class Handle>
class Socket final : public Transport {
 public:
  static constexpr bool kTcp = std::is_same_v<Handle, uv_tcp_t>;
  // Full reads before another connection is looked at: 1 MiB in large blocks.
  static constexpr int kReadsPerTurn = 4;

  explicit Socket(Loop& loop) : loop_(&loop) {
    if constexpr (kTcp) {
      uv_tcp_init(loop.uv(), &handle_);
    } else {
      uv_pipe_init(loop.uv(), &handle_, 0);
    }
    handle_.data = this;
  }

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
  int open(int descriptor) {
    descriptor_ = descriptor;
    if constexpr (kTcp) {
      return uv_tcp_open(&handle_, descriptor);
    } else {
      return uv_pipe_open(&handle_, descriptor);
    }
  }
  int connect(const SocketAddress& to, Events& events);

  void start(Events& events) override {
    events_ = &events;
    resume_read();
  }
  void set_events(Events& events) override { events_ = &events; }
  Result<void> write(Chain bytes) override;
  size_t queued() const override {
    return pending_ ? pending_->waiting.size() + handle_.write_queue_size : 0;
  }
  void pause_read() override {
    if (reading_) uv_read_stop(stream());
    reading_ = false;
  }
  void resume_read() override {
    if (reading_ || failed_ || eof_) return;
    reading_ = uv_read_start(stream(), &Socket::on_alloc, &Socket::on_read) == 0;
  }
  bool read_paused() const override { return !reading_; }
  void leave_bytes() override {
    left_alone_ = true;
    bulk_ = false;
  }
  void take_bytes() override { left_alone_ = bulk_ = false; }
  void finish() override;
  void abort() override;
  bool broken() const override;
  bool input_waits() const override {
    char byte = 0;
    return recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  int raw_socket() const override { return descriptor_; }

 protected:
  void destroy() override {
    events_ = nullptr;
    if (!uv_is_closing(reinterpret_cast<uv_handle_t*>(&handle_))) {
      uv_close(reinterpret_cast<uv_handle_t*>(&handle_), &Socket::on_closed);
    }
    destroyed_ = true;
    if (closed_) delete this;
  }

 private:
  struct Pending {   // exists only after a short write
    uv_write_t request;
    Chain in_flight;
    Chain waiting;
  };
  ~Socket() = default;

  void learn_descriptor() {
    uv_os_fd_t fd = -1;
    descriptor_ = uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle_), &fd) == 0 ? fd : -1;
  }
  ssize_t send_some(const Chain& bytes, size_t& tried) const;
  void queue(Chain bytes);
  void submit();
  void shut_down();
  void fail(int status);

  /// libuv only tells when there is something: with no buffer given it makes no read of its own, and
  /// on_read makes a recv, which costs the kernel less than a read of a socket.
  static void on_alloc(uv_handle_t*, size_t, uv_buf_t* buffer) { *buffer = uv_buf_init(nullptr, 0); }
  bool read_once();
  static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  static void on_written(uv_write_t* request, int status);
  static void on_connected(uv_connect_t* request, int status);
  static void on_closed(uv_handle_t* handle) {
    Socket* self = static_cast<Socket*>(handle->data);
    self->closed_ = true;
    if (self->destroyed_) delete self;
  }

  Events* events_ = nullptr;
  Loop* loop_;
  std::unique_ptr<Pending> pending_;
  int descriptor_ = -1;
  Handle handle_;
  bool reading_ : 1 = false;
  bool bulk_ : 1 = false;               // the last read filled a normal block: take a larger one
  bool left_alone_ : 1 = false;         // somebody else takes the bytes
  bool failed_ : 1 = false;
  bool eof_ : 1 = false;
  bool write_failed_ : 1 = false;
  bool finishing_ : 1 = false;
  bool closed_ : 1 = false;
  bool destroyed_ : 1 = false;
};

template <class Handle>
void Socket<Handle>::on_read(uv_stream_t* stream, ssize_t, const uv_buf_t*) {
  Socket& self = *static_cast<Socket*>(stream->data);
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    if (!self.read_once()) return;
  }
}

// gives: true when there may be more to read now
template <class Handle>
bool Socket<Handle>::read_once() {
  if (!reading_ || events_ == nullptr) return false;
  if (left_alone_) {
    LoopTurn turn(*loop_);
    events_->on_readable();
    return false;
  }
  // While memory is short, whoever cannot pass the bytes on keeps a page of them, no more.
  bool sparing = loop_->blocks().short_of_memory();
  Block& block = loop_->read_block(sparing ? BlockPool::kSmall : bulk_ ? BlockPool::kBulk : BlockPool::kRead);
  size_t room = sparing ? BlockPool::kSmall : block.capacity();
  ssize_t count = recv(descriptor_, block.data(), room, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  LoopTurn turn(*loop_);   // what the bytes cause is done before the next read
  if (count > 0) {
    auto bytes = static_cast<size_t>(count);
    bool full = bytes == room;
    bulk_ = bytes >= BlockPool::kRead;
    events_->on_read(Slice{&block, block.data(), bytes});
    return full && bulk_;   // not bulk any more: somebody else has taken the bytes
  }
  int status = -errno;
  pause_read();
  if (count < 0) {
    fail(status);
  } else {
    eof_ = true;
    events_->on_eof();
  }
  return false;
}

template <class Handle>
void Socket<Handle>::fail(int status) {
  if (failed_) return;
  failed_ = true;
  if (events_) events_->on_failed(broken_from(status));
}

template <class Handle>
ssize_t Socket<Handle>::send_some(const Chain& bytes, size_t& tried) const {
  std::string_view first = bytes.front();
  tried = first.size();
  if (first.size() == bytes.size()) return send(descriptor_, first.data(), first.size(), MSG_NOSIGNAL);
  constexpr size_t kSlices = 64;
  std::array<iovec, kSlices> slices;
  msghdr message{};
  message.msg_iov = slices.data();
  message.msg_iovlen = bytes.gather(slices.data(), kSlices);
  for (size_t i = 1; i < message.msg_iovlen; ++i) tried += slices[i].iov_len;
  return sendmsg(descriptor_, &message, MSG_NOSIGNAL);
}

template <class Handle>
Result<void> Socket<Handle>::write(Chain bytes) {
  if (write_failed_ || failed_ || finishing_) {
    return Error{Code::reset, Side::gateway, Progress::sent, "write after failure or end"};
  }
  if (pending_ || descriptor_ < 0) {   // a queue is there, or the connection is not
    queue(std::move(bytes));
    return {};
  }
  bool some_left = false;
  while (!bytes.empty()) {
    size_t tried = 0;
    ssize_t wrote = send_some(bytes, tried);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) break;
    if (wrote < 0) {
      write_failed_ = true;
      Error error = broken_from(-errno);
      if (some_left) error.progress = Progress::sent;
      return error;
    }
    some_left = true;
    bytes.drop_front(static_cast<size_t>(wrote));
    if (static_cast<size_t>(wrote) < tried) break;   // full: the next try would only say EAGAIN
  }
  if (!bytes.empty()) queue(std::move(bytes));
  return {};
}

template <class Handle>
void Socket<Handle>::queue(Chain bytes) {
  bytes.compact(loop_->blocks());   // it may wait long: a few bytes must not pin a read buffer
  bool idle = pending_ == nullptr;
  if (idle) pending_ = std::make_unique<Pending>();
  pending_->waiting.append(std::move(bytes));
  if (idle) submit();
}

template <class Handle>
void Socket<Handle>::submit() {
  pending_->in_flight = std::move(pending_->waiting);
  std::vector<uv_buf_t> buffers;
  pending_->in_flight.each([&](const Slice& slice) {
    buffers.push_back(
        uv_buf_init(const_cast<char*>(slice.data), static_cast<unsigned>(slice.size)));
  });
  pending_->request.data = this;
  int status = uv_write(&pending_->request, stream(), buffers.data(),
                        static_cast<unsigned>(buffers.size()), &Socket::on_written);
  CHECK(status == 0);   // uv_write fails at once only for a handle that is not open
}

template <class Handle>
void Socket<Handle>::on_written(uv_write_t* request, int status) {
  Socket& self = *static_cast<Socket*>(request->data);
  LoopTurn turn(*self.loop_);
  self.pending_->in_flight.clear();
  if (status < 0) {
    self.pending_.reset();
    self.write_failed_ = true;
    if (self.events_ && status != UV_ECANCELED) self.events_->on_write_failed(broken_from(status));
    return;
  }
  if (!self.pending_->waiting.empty()) return self.submit();
  self.pending_.reset();
  if (self.finishing_) self.shut_down();
  if (self.events_) self.events_->on_writable();
}

template <class Handle>
void Socket<Handle>::finish() {
  if (finishing_ || failed_ || write_failed_) return;
  finishing_ = true;
  // libuv takes no write after a shutdown: what is queued here must be handed over before.
  if (!pending_) shut_down();
}

template <class Handle>
void Socket<Handle>::shut_down() {
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&handle_))) return;
  auto* request = new uv_shutdown_t;
  int status = uv_shutdown(request, stream(), [](uv_shutdown_t* done, int) { delete done; });
  if (status != 0) delete request;
}

template <class Handle>
void Socket<Handle>::abort() {
  failed_ = true;
  pause_read();
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&handle_))) return;
  if constexpr (kTcp) {
    // uv_tcp_close_reset refuses after a shutdown; the kernel does not.
    linger immediately{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &immediately, sizeof(immediately));
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), &Socket::on_closed);
}

template <class Handle>
bool Socket<Handle>::broken() const {
  if (failed_) return true;
  pollfd poll_for{descriptor_, 0, 0};
  return poll(&poll_for, 1, 0) > 0 && (poll_for.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0;
}

template <class Handle>
int Socket<Handle>::connect(const SocketAddress& to, Events& events) {
  events_ = &events;
  auto* request = new uv_connect_t;
  request->data = this;
  int status = 0;
  if constexpr (kTcp) {
    uv_tcp_nodelay(&handle_, 1);
    sockaddr_storage address;
    to.fill(address);
    status = uv_tcp_connect(request, &handle_, reinterpret_cast<sockaddr*>(&address),
                            &Socket::on_connected);
  } else {
    uv_pipe_connect(request, &handle_, to.path().c_str(), &Socket::on_connected);
  }
  if (status != 0) {
    delete request;
    return status;
  }
  uv_os_fd_t made = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle_), &made);
  return made < loop_->descriptors().end ? 0 : UV_EMFILE;   // the request ends with the handle
}

template <class Handle>
void Socket<Handle>::on_connected(uv_connect_t* request, int status) {
  Socket& self = *static_cast<Socket*>(request->data);
  delete request;
  LoopTurn turn(*self.loop_);
  if (self.events_ == nullptr || status == UV_ECANCELED) return;
  self.learn_descriptor();
  if (status != 0) {
    self.failed_ = true;
    return self.events_->on_failed(connect_error_from(status));
  }
  self.resume_read();
  self.events_->on_open();
}

template <class Handle>
Result<TransportPtr> connect_one(Loop& loop, const SocketAddress& to,
                                 Transport::Events& events) {
  auto* socket = new Socket<Handle>(loop);
  TransportPtr transport(socket);
  if (int status = socket->connect(to, events); status != 0) return connect_error_from(status);
  return transport;
}

}  // namespace

Result<TransportPtr> connect_socket(Loop& loop, const SocketAddress& to,
                                    Transport::Events& events) {
  if (to.is_unix()) return connect_one<uv_pipe_t>(loop, to, events);
  return connect_one<uv_tcp_t>(loop, to, events);
}

Result<TransportPtr> adopt_socket(Loop& loop, int descriptor, bool is_unix) {
  auto adopt = [&](auto* socket) -> Result<TransportPtr> {
    TransportPtr transport(socket);
    if (int status = socket->open(descriptor); status != 0) {
      close(descriptor);
      return error_from(status);
    }
    return transport;
  };
  if (is_unix) return adopt(new Socket<uv_pipe_t>(loop));
  return adopt(new Socket<uv_tcp_t>(loop));
}

}  // namespace sluice::net
