#include "export/syslog_delivery.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/tcp.h"

namespace sluice::exporting {

using Kind = observe::SyslogAddress::Kind;

SyslogDelivery::SyslogDelivery(Loop& loop, net::Resolver* resolver, std::shared_ptr<CopyQueue> queue, observe::SyslogConfig config,
                               Patience patience)
    : Delivery(loop, std::move(queue)), config_(std::move(config)), patience_(patience), resolver_(resolver) {}

Delivery::Outcome SyslogDelivery::deliver() {
  switch (state_) {
    case State::closed: open(); break;
    case State::opening: return Outcome::later;
    case State::open: break;
  }
  if (state_ != State::open) return Outcome::later;
  return stream_ ? write_stream() : send_datagrams();
}

void SyslogDelivery::open() {
  state_ = State::opening;
  expect_within(patience_.connect);
  if (config_.address.kind == Kind::unix_datagram) return connect_datagram(net::SocketAddress::unix_path(config_.address.place));
  if (auto ip = IpAddress::parse(config_.address.place)) return connect(*ip);
  if (resolver_ == nullptr) return lose("names cannot be resolved");
  query_.emplace(*resolver_);
  query_->start(config_.address.place, net::AddressFamily::any, *this);
}

void SyslogDelivery::on_resolved(Result<net::Resolved> result) {
  if (!result) return lose(result.error().what);
  connect(result->addresses.front());
  if (state_ == State::open && deliver() == Outcome::done) finish();
}

void SyslogDelivery::connect(const IpAddress& ip) {
  net::SocketAddress to(ip, config_.address.port);
  if (config_.address.kind == Kind::udp) return connect_datagram(to);
  auto made = net::connect_socket(loop(), to, *this);
  if (!made) return lose(made.error().what);
  stream_ = *std::move(made);
}

void SyslogDelivery::connect_datagram(const net::SocketAddress& to) {
  datagrams_ = ::socket(to.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage address{};
  socklen_t size = to.fill(address);
  if (datagrams_ < 0 || ::connect(datagrams_, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return lose(std::strerror(errno));
  }
  state_ = State::open;
}

void SyslogDelivery::close() {
  query_.reset();
  stream_.reset();
  if (datagrams_ >= 0) ::close(datagrams_);
  datagrams_ = -1;
  writing_ = false;
  state_ = State::closed;
}

// What was under way over TCP may have come through: it is sent again, and told apart by its numbers.
void SyslogDelivery::lose(std::string_view why) {
  bool idle = state_ == State::open && records().empty();
  std::string text(why);   // may be of what is closed here
  close();
  if (!idle) fail_for_now(text);
}

Delivery::Outcome SyslogDelivery::send_datagrams() {
  while (!records().empty()) {
    message_.clear();
    append_syslog(message_, records().front(), config_.facility, origin_);
    ssize_t sent = ::send(datagrams_, message_.data(), message_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      records().erase(records().begin());
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EMSGSIZE) {
      drop_first("larger than a datagram may be");
      continue;
    }
    if (errno == EAGAIN || errno == ENOBUFS) wait();
    else lose(std::strerror(errno));
    return Outcome::later;
  }
  return Outcome::done;
}

Delivery::Outcome SyslogDelivery::write_stream() {
  bool begun = !writing_;
  if (begun) {
    Chain bytes;
    for (std::string_view record : records()) {
      message_.clear();
      append_syslog(message_, record, config_.facility, origin_);
      bytes.append_copy(loop().blocks(), std::to_string(message_.size()) + " ");
      bytes.append_copy(loop().blocks(), message_);
    }
    writing_ = true;
    if (auto written = stream_->write(std::move(bytes)); !written) {
      lose(written.error().what);
      return Outcome::later;
    }
  }
  if (stream_->queued() > 0) {
    if (begun) expect_within(patience_.write);
    return Outcome::later;
  }
  writing_ = false;
  return Outcome::done;
}

void SyslogDelivery::on_open() {
  state_ = State::open;
  if (deliver() == Outcome::done) finish();
}

void SyslogDelivery::on_writable() {
  if (writing_ && write_stream() == Outcome::done) finish();
}

}  // namespace sluice::exporting
