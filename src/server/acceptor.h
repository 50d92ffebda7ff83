// One worker's side of one listener: accepts sockets, wraps them (PROXY protocol, TLS), keeps count of them.
#pragma once

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

  /// Starts accepting from a listening socket, which stays the supervisor's.
  Result<void> listen(const net::ListenSocket& socket);
  /// Accepts what waits, then no more.
  void stop_listening();
  /// Idle connections end now, others after their response.
  void drain();
  /// Ends all connections.
  void abort();
  size_t connections() const { return slab_.live(); }

 private:
  void on_accept(net::TransportPtr transport, const net::SocketAddress& client) override;
  void on_client_gone(ClientConnection& connection) override;
  void on_proxy_header(ProxyReader& reader, const net::SocketAddress& client, Chain rest) override;
  void on_proxy_failed(ProxyReader& reader) override;
  void open(net::TransportPtr transport, const net::SocketAddress& client, Chain early);

  AcceptorShared shared_;
  std::shared_ptr<const ListenerSettings> settings_;
  std::unique_ptr<net::Listener> listener_;
  Slab<ClientConnection> slab_;
  List<ProxyReader, ProxyReaderTag> readers_;   // owned
  List<ClientConnection, ClientConnectionTag> live_;
  bool draining_ = false;
};

}  // namespace sluice::server
