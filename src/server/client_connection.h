// One accepted connection: socket, codec, and what is known of who is at the other end.
#pragma once

#include <memory>

#include "base/list.h"
#include "http/h1_codec.h"
#include "http/h2_codec.h"
#include "net/transport.h"
#include "observe/metrics.h"
#include "server/listener_settings.h"
#include "server/preface_reader.h"
#include "server/shared_load.h"
#include "wire/connection.h"

namespace sluice::server {

/// Who is at the other end of a connection. Lives as long as its streams.
struct ClientFacts {
  IpAddress ip;
  uint16_t port = 0;
  bool tls = false;           // the connection itself is encrypted
  Refusal refusal = Refusal::none;   // not none: every request is answered 503
  const ListenerSettings* listener = nullptr;
  const net::Transport* transport = nullptr;   // null: rehearsed (sluice explain)

  net::TlsFacts tls_facts() const { return transport ? transport->tls() : net::TlsFacts(); }
};

/// Makes an exchange of every request (proxy/).
class Handler {
 public:
  virtual http::StreamEvents& accept(http::Stream& stream, const ClientFacts& client) = 0;

 protected:
  ~Handler() = default;
};

/// Patience with a connection that is only to be told 503: it must not hold its place for long.
inline constexpr wire::Timeouts kRefusedTimeouts{std::chrono::seconds(5), std::chrono::seconds(5),
                                                 std::chrono::seconds(5), std::chrono::seconds(5), std::chrono::seconds(5)};

class ClientConnection final : public ListHook<class ClientConnectionTag>,
                               private wire::Connection::Owner,
                               private http::StreamAcceptor,
                               private PrefaceReader::Owner {
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

  ClientConnection(Loop& loop, Handler& handler, Owner& owner, std::shared_ptr<const ListenerSettings> settings,
                   const ClientFacts& client)
      : handler_(&handler), owner_(&owner), settings_(std::move(settings)), facts_(client),
        connection_(loop, codec_, *this, client.refusal == Refusal::none ? settings_->timeouts : kRefusedTimeouts),
        codec_(connection_, *this, settings_->limits) {}

  /// `early`: bytes read before the codec was there (plain connections only).
  void start(net::TransportPtr transport, Chain early);
  void drain() {
    draining_ = true;
    connection_.drain();
  }
  bool draining() const { return draining_; }
  void fail(Error why) { connection_.fail(why); }
  /// When the client began to be slow with what we hold for it, or the upstream with what it sent; kNever: neither.
  TimePoint slow_since() const { return connection_.slow_since(); }
  const ClientFacts& facts() const { return facts_; }
  /// What it was closed for, if it was HTTP/2 and abused.
  std::optional<http::H2Abuse> abuse() const { return h2_ ? h2_->abuse() : std::nullopt; }
  bool is_h2() const { return h2_ != nullptr; }
  /// The place that per_ip gave it; none: it was not counted.
  SharedAddressCounts::Place place() const { return place_; }
  void set_place(SharedAddressCounts::Place place) { place_ = place; }

 private:
  void on_open() override {
    owner_->on_handshake(*this);
    if (settings_->protocols.h2) speak_agreed();
  }
  void on_open_failed(Error why) override { owner_->on_handshake_failed(*this, why); }
  void on_gone() override { owner_->on_client_gone(*this); }
  http::StreamEvents& accept(http::Stream& stream) override { return handler_->accept(stream, facts_); }

  BlockPool& blocks() override { return connection_.blocks(); }
  void on_protocol(http::Version version, Chain bytes) override;
  void on_no_protocol(http::Finish how) override { connection_.finish(how); }
  void on_hurry() override { connection_.expect(http::Phase::last); }
  void speak_agreed();
  void speak_h2();

  Handler* handler_;
  Owner* owner_;
  std::shared_ptr<const ListenerSettings> settings_;
  ClientFacts facts_;
  SharedAddressCounts::Place place_ = SharedAddressCounts::Place::none;
  bool draining_ = false;
  wire::Connection connection_;
  http::H1ServerCodec codec_;
  std::unique_ptr<PrefaceReader> preface_;    // until it is known what is spoken
  std::unique_ptr<http::H2ServerCodec> h2_;   // in place of codec_
};

}  // namespace sluice::server
