// One worker's side of one listener: accepts sockets, wraps them (PROXY protocol, TLS), keeps count of them.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/shared_count.h"
#include "base/slab.h"
#include "net/listener.h"
#include "net/tls.h"
#include "observe/metrics.h"
#include "server/client_connection.h"
#include "server/proxy_reader.h"

namespace sluice::server {

/// What the acceptors of a worker share.
struct AcceptorShared {
  Loop* loop = nullptr;
  net::TlsIo* tls_io = nullptr;
  Handler* handler = nullptr;
  observe::Shard* shard = nullptr;
  SharedCount* connections = nullptr;       // of the process
  const CidrSet* trusted_proxies = nullptr;
  uint64_t connections_max = 0;
};

/// Connections accepted beyond connections_max only to be told 503; beyond these they are closed at once.
inline constexpr uint64_t kOverloadedMax = 1'000;

class Acceptor final : public net::Acceptor, public ClientConnection::Owner, public ProxyReader::Owner {
 public:
  Acceptor(const AcceptorShared& shared, std::shared_ptr<const ListenerSettings> settings)
      : shared_(shared), settings_(std::move(settings)) {}
  Acceptor(const Acceptor&) = delete;
  ~Acceptor();

  /// Accepts from these listening sockets and no others. They stay the supervisor's: what waits in one that is
  /// not among them any more is for the worker that takes it over.
  Result<void> listen(std::span<const net::ListenSocket* const> sockets);
  Result<void> listen(const net::ListenSocket& socket) { return listen(std::array{&socket}); }
  /// New connections are accepted under these; those that are open keep what they were accepted under.
  void update(const AcceptorShared& shared, std::shared_ptr<const ListenerSettings> settings);
  /// Accepts what waits, then no more.
  void stop_listening();
  /// Idle connections end now, others after their response.
  void drain();
  /// Ends all connections.
  void abort();
  size_t connections() const { return slab_.live(); }
  const std::shared_ptr<const ListenerSettings>& settings() const { return settings_; }

 private:
  void on_accept(net::TransportPtr transport, const net::SocketAddress& client) override;
  void on_client_gone(ClientConnection& connection) override;
  void on_handshake(ClientConnection& connection) override;
  void on_handshake_failed(ClientConnection& connection, Error why) override;
  void on_proxy_header(ProxyReader& reader, const net::SocketAddress& client, Chain rest) override;
  void on_proxy_failed(ProxyReader& reader) override;
  void open(net::TransportPtr transport, const net::SocketAddress& client, Chain early);

  AcceptorShared shared_;
  std::shared_ptr<const ListenerSettings> settings_;
  struct Listening {
    const net::ListenSocket* socket;
    std::unique_ptr<net::Listener> listener;
  };
  std::vector<Listening> listeners_;
  Slab<ClientConnection> slab_;
  List<ProxyReader, ProxyReaderTag> readers_;   // owned
  List<ClientConnection, ClientConnectionTag> live_;
  bool draining_ = false;
};

}  // namespace sluice::server
