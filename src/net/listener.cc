#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/tcp.h"

namespace sluice::net {
namespace {

Error system_error(int error) {
  const char* what = strerrordesc_np(error);
  return Error{Code::bad_value, Side::gateway, Progress::unsent, what ? what : "unknown error"};
}

Error refused(const char* why) { return Error{Code::bad_value, Side::gateway, Progress::unsent, why}; }

/// A descriptor that closes itself unless released.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() { if (value_ >= 0) close(value_); }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

int open_socket(const SocketAddress& address) {
  return socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void set_flag(int descriptor, int level, int option, int value) {
  setsockopt(descriptor, level, option, &value, sizeof(value));   // a failure shows at bind
}

void set_options(int descriptor, const SocketAddress& address) {
  set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.is_unix()) return;
  set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);   // accepted sockets inherit it on Linux
  if (address.family() != AF_INET6) return;
  set_flag(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, !address.is_any());
}

bool bind_to(int descriptor, const SocketAddress& address) {
  sockaddr_storage storage;
  socklen_t size = address.fill(storage);
  return ::bind(descriptor, reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

/// Does a unix socket's file exist, and does somebody answer behind it?
enum class UnixFile : uint8_t { absent, stale, live, other };
UnixFile look_at(const SocketAddress& address) {
  struct stat found {};
  if (lstat(address.path().c_str(), &found) != 0) return UnixFile::absent;
  if (!S_ISSOCK(found.st_mode)) return UnixFile::other;
  Descriptor probe(open_socket(address));
  sockaddr_storage storage;
  socklen_t size = address.fill(storage);
  if (connect(probe.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0) return UnixFile::live;
  return errno == ECONNREFUSED ? UnixFile::stale : UnixFile::live;
}

}  // namespace

Result<ListenSocket> ListenSocket::bind(const SocketAddress& address,
                                        const ListenOptions& options) {
  if (address.is_unix()) {
    UnixFile file = look_at(address);
    if (file == UnixFile::live) return refused("another process is listening there");
    if (file == UnixFile::other) return refused("a file that is no socket has that name");
    if (file == UnixFile::stale) unlink(address.path().c_str());
  }
  Descriptor descriptor(open_socket(address));
  if (descriptor.get() < 0) return system_error(errno);
  set_options(descriptor.get(), address);
  if (!address.is_unix()) set_flag(descriptor.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (!bind_to(descriptor.get(), address)) return system_error(errno);
  ListenSocket made(descriptor.release());
  made.is_unix_ = address.is_unix();
  made.path_ = address.path();
  // Before listen nobody can connect, so the wider mode of the moment does no harm.
  if (made.is_unix_ && chmod(made.path_.c_str(), options.unix_mode) != 0) {
    return system_error(errno);
  }
  if (!options.listening) return made;
  if (Result<void> listening = made.listen(options); !listening) return listening.error();
  return made;
}

Result<void> ListenSocket::listen(const ListenOptions& options) {
  if (::listen(descriptor_, options.backlog) != 0) return system_error(errno);
  // Accepted sockets inherit it: a client's first bytes are acknowledged with the answer to them, not by a packet
  // of their own (HAProxy: tcp-smart-accept).
  if (!is_unix_) set_flag(descriptor_, IPPROTO_TCP, TCP_QUICKACK, 0);
  return {};
}

ListenSocket ListenSocket::adopt(int descriptor) {
  ListenSocket made(descriptor);
  int family = 0;
  socklen_t size = sizeof(family);
  getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size);
  made.is_unix_ = family == AF_UNIX;
  return made;
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), is_unix_(other.is_unix_),
      path_(std::exchange(other.path_, {})) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(is_unix_, other.is_unix_);
  std::swap(path_, other.path_);
  return *this;
}

ListenSocket::~ListenSocket() {
  if (descriptor_ < 0) return;
  if (!path_.empty()) unlink(path_.c_str());
  ::close(descriptor_);
}

SocketAddress ListenSocket::address() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* bound = reinterpret_cast<sockaddr*>(&storage);
  if (getsockname(descriptor_, bound, &size) != 0) return {};
  return SocketAddress::from(bound, size);
}

Result<bool> address_in_use(const SocketAddress& address) {
  if (address.is_unix()) return look_at(address) == UnixFile::live;
  Descriptor descriptor(open_socket(address));
  if (descriptor.get() < 0) return system_error(errno);
  // SO_REUSEADDR: connections in TIME_WAIT are no second instance; a listening socket still is.
  set_options(descriptor.get(), address);
  if (bind_to(descriptor.get(), address)) return false;
  if (errno == EADDRINUSE) return true;
  return system_error(errno);
}

Result<void> Listener::start(const ListenSocket& socket) {
  CHECK(watch_ == nullptr);
  int descriptor = fcntl(socket.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) return system_error(errno);
  is_unix_ = socket.is_unix();
  watch_ = new Watch(descriptor, *this);
  Result<void> watched = watch();
  if (!watched) close();
  return watched;
}

Result<void> Listener::watch() {
  if (int number = loop_->watch(watch_->descriptor, EPOLLIN, *watch_); number != 0) return system_error(number);
  watching_ = true;
  return {};
}

void Listener::accept_some() {
  LoopTurn turn(*loop_);
  for (int i = 0; i < kAcceptsPerTurn && accept_one() == Accepted::one; ++i) {
    if (watch_ == nullptr) return;   // the acceptor stopped us
  }
}

Listener::Accepted Listener::accept_one() {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* from = reinterpret_cast<sockaddr*>(&storage);
  int descriptor = accept4(watch_->descriptor, from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EAGAIN) return Accepted::none;
    // That client has gone again, or a firewall refused it: the next one.
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == EPERM) {
      return Accepted::one;
    }
    pause_accepting(errno);   // EMFILE, ENFILE, ENOBUFS, ENOMEM
    return Accepted::failed;
  }
  if (descriptor >= loop_->descriptors().end) {
    ::close(descriptor);
    pause_accepting(EMFILE);
    return Accepted::failed;
  }
  SocketAddress client = is_unix_ ? SocketAddress{} : SocketAddress::from(from, size);
  acceptor_->on_accept(adopt_socket(*loop_, descriptor, is_unix_), client);
  return Accepted::one;
}

void Listener::pause_accepting(int error) {
  pauses_.add();
  acceptor_->on_pause();
  if (std::exchange(watching_, false)) loop_->unwatch(watch_->descriptor);
  retry_.start(loop_->timers(), loop_->clock().now() + kRetry, *this);
  ++unlogged_;
  TimePoint now = loop_->clock().now();
  if (logged_at_ != TimePoint{} && now - logged_at_ < kLogEvery) return;
  LOG(error, "cannot accept connections for now", kv("reason", strerrordesc_np(error)),
      kv("times", unlogged_));
  logged_at_ = now;
  unlogged_ = 0;
}

void Listener::on_timer(Timer&) {
  if (watch_ == nullptr || watching_) return;
  if (Result<void> watched = watch(); !watched) pause_accepting(ENOSPC);
}

void Listener::stop() {
  // Bounded by the queue's length: new clients may come as fast as we accept.
  constexpr int kQueueMax = 4096;
  for (int i = 0; i < kQueueMax && watch_ != nullptr; ++i) {
    if (accept_one() != Accepted::one) break;
  }
  close();
}

void Listener::close() {
  retry_.stop();
  if (watch_ == nullptr) return;
  Watch* watch = std::exchange(watch_, nullptr);
  watch->listener = nullptr;
  if (std::exchange(watching_, false)) loop_->unwatch(watch->descriptor);   // its duplicates stay open
  ::close(watch->descriptor);
  loop_->bury(*watch);
}

}  // namespace sluice::net
