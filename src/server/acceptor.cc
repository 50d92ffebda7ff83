#include "server/acceptor.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::server {

Acceptor::~Acceptor() {
  abort();
  CHECK(slab_.live() == 0);
}

Result<void> Acceptor::listen(std::span<const net::ListenSocket* const> sockets) {
  auto wanted = [&](const net::ListenSocket* socket) {
    return std::find(sockets.begin(), sockets.end(), socket) != sockets.end();
  };
  std::erase_if(listeners_, [&](const Listening& one) { return !wanted(one.socket); });
  Result<void> result;
  for (const net::ListenSocket* socket : sockets) {
    auto same = [&](const Listening& one) { return one.socket == socket; };
    if (std::any_of(listeners_.begin(), listeners_.end(), same)) continue;
    auto listener = std::make_unique<net::Listener>(*shared_.loop, *this);
    if (Result<void> started = listener->start(*socket); !started) {
      result = started;
      continue;
    }
    listeners_.push_back({socket, std::move(listener)});
  }
  return result;
}

void Acceptor::update(const AcceptorShared& shared, std::shared_ptr<const ListenerSettings> settings) {
  shared_ = shared;
  settings_ = std::move(settings);
}

void Acceptor::stop_listening() {
  for (Listening& one : listeners_) one.listener->stop();
}

void Acceptor::drain() {
  draining_ = true;
  live_.each([](ClientConnection& connection) { connection.drain(); });
}

void Acceptor::abort() {
  stop_listening();
  LoopTurn turn(*shared_.loop);
  while (!readers_.empty()) delete &readers_.pop_front();
  live_.each([](ClientConnection& connection) {
    connection.fail(Error{Code::cancelled, Side::gateway, Progress::unsent, "shutting down"});
  });
}

void Acceptor::on_accept(net::TransportPtr transport, const net::SocketAddress& client) {
  bool from_proxy = settings_->proxy_protocol && shared_.trusted_proxies->contains(client.ip());
  if (!from_proxy) return open(std::move(transport), client, {});
  auto* reader = new ProxyReader(*shared_.loop, *this, std::move(transport), client);
  readers_.push_back(*reader);
  reader->start(settings_->timeouts.header);
}

void Acceptor::open(net::TransportPtr transport, const net::SocketAddress& client, Chain early) {
  ClientFacts facts;
  facts.ip = client.ip();
  facts.port = client.port();
  if (uint64_t open = shared_.connections->value(); open >= shared_.connections_max) {
    if (open >= shared_.connections_max + kOverloadedMax) return transport->abort();
    facts.overloaded = true;
  }
  shared_.connections->take();
  observe::ListenerMetrics& metrics = shared_.shard->listener(settings_->metrics_id);
  metrics.connections.add();
  metrics.accepted.add();
  if (settings_->tls) {
    transport = net::accept_tls(*shared_.tls_io, std::move(transport), settings_->tls->current(),
                                std::move(early));
  }
  ClientConnection* connection = slab_.make(*shared_.loop, *shared_.handler, *this, settings_);
  live_.push_back(*connection);
  connection->start(std::move(transport), facts, std::move(early));
  if (draining_) connection->drain();   // its PROXY header came late
}

void Acceptor::on_handshake(ClientConnection& connection) {
  net::TlsFacts tls = connection.facts().transport->tls();
  using observe::Handshake;
  shared_.shard->handshake(tls.version, tls.resumed ? Handshake::resumed : Handshake::full);
}

void Acceptor::on_handshake_failed(ClientConnection& connection, Error why) {
  shared_.shard->handshake_failed(why);
  LOG(debug, "handshake failed", kv("listener", settings_->name),
      kv("ip", connection.facts().ip.to_string()), kv("error", code_name(why.code)),
      kv("reason", why.what));
}

void Acceptor::on_client_gone(ClientConnection& connection) {
  const ListenerSettings& settings = *connection.facts().listener;   // the acceptor's may be newer
  shared_.connections->give();
  shared_.shard->listener(settings.metrics_id).connections.sub();
  slab_.destroy(&connection);
}

namespace {

// A reader is on the stack when it reports: it dies at the end of the drain.
class ReaderGrave final : public Deferred {
 public:
  ReaderGrave(Scheduler& scheduler, ProxyReader& reader) : reader_(&reader) { scheduler.defer(*this); }

 private:
  void release() override {
    delete reader_;
    delete this;
  }
  ProxyReader* reader_;
};

}  // namespace

void Acceptor::on_proxy_header(ProxyReader& reader, const net::SocketAddress& client, Chain rest) {
  reader.unlink();
  net::SocketAddress from = client.is_any() ? reader.socket_client() : client;
  net::TransportPtr transport = reader.take_transport();
  new ReaderGrave(shared_.loop->scheduler(), reader);
  open(std::move(transport), from, std::move(rest));
}

void Acceptor::on_proxy_failed(ProxyReader& reader) {
  reader.unlink();
  new ReaderGrave(shared_.loop->scheduler(), reader);
}

}  // namespace sluice::server
