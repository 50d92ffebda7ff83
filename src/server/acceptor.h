// One worker's side of one listener: accepts sockets, wraps them (PROXY protocol, TLS), keeps count of them.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/slab.h"
#include "loop/timer.h"
#include "net/listener.h"
#include "net/tls.h"
#include "observe/metrics.h"
#include "server/client_connection.h"
#include "server/proxy_reader.h"

namespace sluice::server {

/// What the acceptors of a worker share. Read whenever a connection comes: a reload changes it in place.
struct AcceptorShared {
  Loop* loop = nullptr;
  net::TlsIo* tls_io = nullptr;
  Handler* handler = nullptr;
  observe::Shard* shard = nullptr;
  SharedLoad* load = nullptr;               // of the process
  const CidrSet* trusted_proxies = nullptr;
  uint64_t connections_max = 0;
  unsigned worker = 0;                      // which one this is
};

/// Refusals are logged this often at most.
inline constexpr Duration kRefusalLogEvery = std::chrono::seconds(10);

class Acceptor final : public net::Acceptor, public ClientConnection::Owner, public ProxyReader::Owner,
                       private Timer::Owner {
 public:
  /// needs: `shared` to outlive it
  Acceptor(const AcceptorShared& shared, std::shared_ptr<const ListenerSettings> settings)
      : shared_(&shared), settings_(std::move(settings)) {
    slab_.count_in(shared.loop->blocks().share());
  }
  Acceptor(const Acceptor&) = delete;
  ~Acceptor();

  /// Accepts from these listening sockets and no others. They stay the supervisor's: what waits in one that is
  /// not among them any more is for the worker that takes it over.
  Result<void> listen(std::span<const net::ListenSocket* const> sockets);
  Result<void> listen(const net::ListenSocket& socket) { return listen(std::array{&socket}); }
  /// New connections are accepted under these; those that are open keep what they were accepted under.
  void update(std::shared_ptr<const ListenerSettings> settings);
  /// Accepts what waits, then no more.
  void stop_listening();
  /// Idle connections end now, others after their response. Those of HTTP/2 are told one after the other, spread over a
  /// time: their clients open another one at once.
  void drain(Duration over);
  /// Resets some connections whose clients have been slow for at least `patience`, the slowest first: one in
  /// eight of them, and at least one. For times when memory is short.
  void shed(Duration patience);
  /// Ends all connections.
  void abort();
  /// Those that wait for their PROXY header too.
  size_t connections() const { return slab_.live() + readers_count_; }
  const std::shared_ptr<const ListenerSettings>& settings() const { return settings_; }

 private:
  void on_accept(net::TransportPtr transport, const net::SocketAddress& client) override;
  void on_pause() override { metrics().pauses.add(); }
  void on_client_gone(ClientConnection& connection) override;
  void on_handshake(ClientConnection& connection) override;
  void on_handshake_failed(ClientConnection& connection, Error why) override;
  void on_proxy_header(ProxyReader& reader, const net::SocketAddress& client, Chain rest) override;
  void on_proxy_failed(ProxyReader& reader) override;
  bool admit(const net::Transport& transport, Refusal& refusal);
  bool refuse(Refusal why, Refusal& refusal);
  bool denies(const IpAddress& ip);
  void count_refusal(Refusal why);
  void log_refusal(Refusal why);
  void leave(Refusal refusal);
  SharedAddressCounts::Place place(const IpAddress& ip, Refusal& refusal);
  void open(net::TransportPtr transport, const ClientFacts& facts, Chain early);
  void bury(ProxyReader& reader);
  void on_timer(Timer& timer) override;
  static size_t connection_bytes(const ListenerSettings& settings) {
    return net::kSocketBytes + (settings.tls ? net::kTlsBytes : 0);
  }
  observe::ListenerMetrics& metrics() { return shared_->shard->listener(settings_->metrics_id); }

  const AcceptorShared* shared_;
  std::shared_ptr<const ListenerSettings> settings_;
  struct Listening {
    const net::ListenSocket* socket;
    std::unique_ptr<net::Listener> listener;
  };
  std::vector<Listening> listeners_;
  Slab<ClientConnection> slab_;
  List<ProxyReader, ProxyReaderTag> readers_;   // owned
  size_t readers_count_ = 0;
  TimePoint refusals_logged_at_{};
  uint64_t refusals_unlogged_ = 0;
  List<ClientConnection, ClientConnectionTag> live_;
  bool draining_ = false;
  // How those of HTTP/2 are told that they should leave.
  Timer drain_timer_;
  TimePoint drain_began_{};
  Duration drain_over_{};
  size_t drain_count_ = 0;   // how many there were
  size_t drained_ = 0;
};

}  // namespace sluice::server
