// One accepted connection: socket, codec, and what is known of who is at the other end.
#pragma once

#include <memory>

#include "base/list.h"
#include "http/h1_codec.h"
#include "net/transport.h"
#include "observe/metrics.h"
#include "server/listener_settings.h"
#include "wire/connection.h"

namespace sluice::server {

/// Who is at the other end of a connection. Lives as long as its streams.
struct ClientFacts {
  IpAddress ip;
  uint16_t port = 0;
  bool tls = false;           // the connection itself is encrypted
  bool overloaded = false;    // accepted beyond connections_max: every request is answered 503
  const ListenerSettings* listener = nullptr;
  const net::Transport* transport = nullptr;
};

/// Makes an exchange of every request (proxy/).
class Handler {
 public:
  virtual http::StreamEvents& accept(http::Stream& stream, const ClientFacts& client) = 0;

 protected:
  ~Handler() = default;
};

class ClientConnection final : public ListHook<class ClientConnectionTag>,
                               private wire::Connection::Owner,
                               private http::StreamAcceptor {
 public:
  class Owner {
   public:
    virtual void on_client_gone(ClientConnection& connection) = 0;
    /// TLS connections only: the handshake is done, or cannot be (on_client_gone follows).
    virtual void on_handshake(ClientConnection& connection) = 0;
    virtual void on_handshake_failed(ClientConnection& connection, Error why) = 0;
   protected:
    ~Owner() = default;
  };

  ClientConnection(Loop& loop, Handler& handler, Owner& owner, std::shared_ptr<const ListenerSettings> settings)
      : handler_(&handler), owner_(&owner), settings_(std::move(settings)),
        connection_(loop, codec_, *this, settings_->timeouts), codec_(connection_, *this, settings_->limits) {}

  /// `early`: bytes read before the codec was there (plain connections only).
  void start(net::TransportPtr transport, const ClientFacts& client, Chain early);
  void drain() { connection_.drain(); }
  void fail(Error why) { connection_.fail(why); }
  const ClientFacts& facts() const { return facts_; }

 private:
  void on_open() override { owner_->on_handshake(*this); }
  void on_open_failed(Error why) override { owner_->on_handshake_failed(*this, why); }
  void on_gone() override { owner_->on_client_gone(*this); }
  http::StreamEvents& accept(http::Stream& stream) override { return handler_->accept(stream, facts_); }

  Handler* handler_;
  Owner* owner_;
  std::shared_ptr<const ListenerSettings> settings_;
  ClientFacts facts_;
  wire::Connection connection_;
  http::H1ServerCodec codec_;
};

inline void ClientConnection::start(net::TransportPtr transport, const ClientFacts& client, Chain early) {
  facts_ = client;
  facts_.listener = settings_.get();
  facts_.transport = transport.get();
  facts_.tls = transport->is_tls();
  if (transport->is_tls()) return connection_.start_handshake(std::move(transport));
  connection_.start(std::move(transport), http::Phase::idle);
  early.each([this](const Slice& slice) { connection_.on_read(slice); });
}

}  // namespace sluice::server
