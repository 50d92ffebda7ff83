// The first bytes of a connection from a load balancer: a PROXY protocol header, before TLS or HTTP begins.
#pragma once

#include <string>

#include "base/list.h"
#include "loop/loop.h"
#include "net/proxy_protocol.h"
#include "net/transport.h"
#include "server/shared_load.h"

namespace sluice::server {

class ProxyReader final : public ListHook<class ProxyReaderTag>,
                          private net::Transport::Events,
                          private Timer::Owner {
 public:
  class Owner {
   public:
    /// `client` is who the header names, or unset; `rest` is what was read behind it. The reader's transport
    /// is to be taken with take_transport(); then the reader may be destroyed at the end of the turn.
    virtual void on_proxy_header(ProxyReader& reader, const net::SocketAddress& client, Chain rest) = 0;
    /// Not a header, too late, or gone.
    virtual void on_proxy_failed(ProxyReader& reader) = 0;

   protected:
    ~Owner() = default;
  };

  /// `refusal`: what the connection was found to be when it was accepted
  ProxyReader(Loop& loop, Owner& owner, net::TransportPtr transport, const net::SocketAddress& socket_client,
              Refusal refusal)
      : loop_(&loop), owner_(&owner), transport_(std::move(transport)), socket_client_(socket_client),
        refusal_(refusal) {}

  void start(Duration patience);
  /// Waits no longer than this.
  void hurry(Duration patience);
  net::TransportPtr take_transport() { return std::move(transport_); }
  const net::SocketAddress& socket_client() const { return socket_client_; }
  Refusal refusal() const { return refusal_; }

 private:
  void on_read(const Slice& bytes) override;
  void on_eof() override { fail("closed before its PROXY header"); }
  void on_writable() override {}
  void on_write_failed(Error) override {}
  void on_failed(Error) override { fail("failed before its PROXY header"); }
  void on_timer(Timer&) override { fail("no PROXY header in time"); }
  void fail(const char* why);

  Loop* loop_;
  Owner* owner_;
  net::TransportPtr transport_;
  net::SocketAddress socket_client_;
  Chain bytes_;
  Timer timer_;
  Refusal refusal_;
  bool done_ = false;
};

}  // namespace sluice::server
