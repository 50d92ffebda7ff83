// The admin listener: /metrics, /healthz and /readyz, read-only, on the keeper's loop, so that a scrape never
// costs a worker anything.
#pragma once

#include <memory>
#include <string>

#include "control/keeper.h"
#include "net/tls_io.h"
#include "server/acceptor.h"

namespace sluice::admin {

class AdminServer final : private server::Handler {
 public:
  /// Admin work is rare and local: these bound what strangers can hold open.
  static constexpr uint64_t kConnectionsMax = 100;

  AdminServer(control::Keeper& keeper, const net::SocketAddress& address);
  AdminServer(const AdminServer&) = delete;

  /// errors: the address cannot be bound
  Result<void> listen();

 private:
  class Request;
  http::StreamEvents& accept(http::Stream& stream, const server::ClientFacts& client) override;

  control::Keeper* keeper_;
  net::TlsIo tls_io_;
  SharedCount connections_;
  CidrSet no_proxies_;
  std::shared_ptr<server::ListenerSettings> settings_;
  std::unique_ptr<net::ListenSocket> socket_;
  std::unique_ptr<server::Acceptor> acceptor_;
};

}  // namespace sluice::admin
