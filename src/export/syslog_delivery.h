// Audit records to a syslog server: a datagram each (unix socket, UDP), or over TCP with the length before each (RFC
// 6587). Syslog acknowledges nothing: what the kernel has taken is delivered as far as anybody can know.
#pragma once

#include <optional>

#include "export/delivery.h"
#include "export/syslog_message.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/transport.h"

namespace sluice::exporting {

class SyslogDelivery final : public Delivery, private net::Resolver::Answer, private net::Transport::Events {
 public:
  /// A server that is gone without a word holds up records no longer than this.
  struct Patience {
    Duration connect = std::chrono::seconds(5);   // the name included
    Duration write = std::chrono::seconds(30);    // of what is under way over TCP
  };
  /// `resolver`: null: addresses only
  SyslogDelivery(Loop& loop, net::Resolver* resolver, std::shared_ptr<CopyQueue> queue, observe::SyslogConfig config)
      : SyslogDelivery(loop, resolver, std::move(queue), std::move(config), Patience()) {}
  SyslogDelivery(Loop& loop, net::Resolver* resolver, std::shared_ptr<CopyQueue> queue, observe::SyslogConfig config,
                 Patience patience);
  ~SyslogDelivery() override { close(); }

 private:
  enum class State : uint8_t { closed, opening, open };

  Outcome deliver() override;
  void on_overdue() override { lose(state_ == State::opening ? "does not answer" : "takes nothing"); }
  void open();
  void connect(const IpAddress& ip);
  void connect_datagram(const net::SocketAddress& to);
  void close();
  void lose(std::string_view why);
  Outcome send_datagrams();
  Outcome write_stream();

  void on_resolved(Result<net::Resolved> result) override;
  void on_open() override;
  void on_read(const Slice&) override {}   // nothing is expected
  void on_eof() override { lose("closed by the server"); }
  void on_writable() override;
  void on_write_failed(Error why) override { lose(why.what); }
  void on_failed(Error why) override { lose(why.what); }

  const observe::SyslogConfig config_;
  const Patience patience_;
  const SyslogOrigin origin_ = syslog_origin();
  net::Resolver* resolver_;
  std::optional<net::Resolver::Query> query_;
  net::TransportPtr stream_;
  int datagrams_ = -1;
  State state_ = State::closed;
  bool writing_ = false;   // records() were handed to stream_
  std::string message_;
};

}  // namespace sluice::exporting
