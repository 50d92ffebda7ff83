#include "server/acceptor.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "base/spread.h"

namespace sluice::server {
namespace {

constexpr Duration kDrainStep = std::chrono::milliseconds(50);   // each looks at all connections

}  // namespace

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
    auto listener = std::make_unique<net::Listener>(*shared_->loop, *this);
    if (Result<void> started = listener->start(*socket); !started) {
      result = started;
      continue;
    }
    listeners_.push_back({socket, std::move(listener)});
  }
  return result;
}

void Acceptor::update(std::shared_ptr<const ListenerSettings> settings) {
  settings_ = std::move(settings);
}

void Acceptor::stop_listening() {
  for (Listening& one : listeners_) one.listener->stop();
}

void Acceptor::drain(Duration over) {
  draining_ = true;
  readers_.each([](ProxyReader& reader) { reader.hurry(wire::kDrainGrace); });
  live_.each([this](ClientConnection& connection) {
    if (connection.is_h2()) ++drain_count_;
    else connection.drain();
  });
  drain_began_ = shared_->loop->clock().now();
  drain_over_ = over * 4 / 5 - wire::kDrainGrace;   // the last ones have streams that end, too
  on_timer(drain_timer_);
}

void Acceptor::on_timer(Timer&) {
  LoopTurn turn(*shared_->loop);
  TimePoint now = shared_->loop->clock().now();
  auto is_due = [&] {
    return drained_ < drain_count_ && now - drain_began_ >= spread(drain_over_, drained_, drain_count_);
  };
  live_.each([&](ClientConnection& connection) {
    if (!connection.is_h2() || connection.draining() || !is_due()) return;
    ++drained_;
    connection.drain();
  });
  if (is_due()) drained_ = drain_count_;   // others have gone by themselves
  if (drained_ == drain_count_) return;
  TimePoint next = drain_began_ + spread(drain_over_, drained_, drain_count_);
  drain_timer_.start(shared_->loop->timers(), std::max(next, now + kDrainStep), *this);
}

void Acceptor::shed(Duration patience) {
  TimePoint before = shared_->loop->clock().now() - patience;
  std::vector<ClientConnection*> slow;
  live_.each([&](ClientConnection& connection) {
    if (connection.slow_since() <= before) slow.push_back(&connection);
  });
  if (slow.empty()) return;
  size_t count = slow.size() / 8 + 1;
  auto slower = [](ClientConnection* a, ClientConnection* b) { return a->slow_since() < b->slow_since(); };
  std::nth_element(slow.begin(), slow.begin() + static_cast<ptrdiff_t>(count - 1), slow.end(), slower);
  LoopTurn turn(*shared_->loop);
  for (size_t i = 0; i < count; ++i) {
    metrics().shed.add();
    slow[i]->fail(Error{Code::overloaded, Side::gateway, Progress::sent, "too slow while memory is short"});
  }
}

void Acceptor::abort() {
  stop_listening();
  LoopTurn turn(*shared_->loop);
  while (!readers_.empty()) {
    ProxyReader& reader = readers_.pop_front();
    leave(reader.refusal());
    --readers_count_;
    delete &reader;
  }
  live_.each([](ClientConnection& connection) {
    connection.fail(Error{Code::cancelled, Side::gateway, Progress::unsent, "shutting down"});
  });
}

void Acceptor::on_accept(net::TransportPtr transport, const net::SocketAddress& client) {
  Refusal refusal = Refusal::none;
  bool from_proxy = settings_->proxy_protocol && shared_->trusted_proxies->contains(client.ip());
  if (!from_proxy && denies(client.ip())) return transport->abort();
  if (!admit(*transport, refusal)) return transport->abort();
  if (!from_proxy) {
    ClientFacts facts;
    facts.ip = client.ip();
    facts.port = client.port();
    facts.refusal = refusal;
    return open(std::move(transport), facts, {});
  }
  auto* reader = new ProxyReader(*shared_->loop, *this, std::move(transport), client, refusal);
  readers_.push_back(*reader);
  ++readers_count_;
  reader->start(settings_->timeouts.header);
}

// Counts the connection, as one that is served or one that is refused.
// gives: false, and nothing counted, when there is no room even for a refusal
bool Acceptor::admit(const net::Transport& transport, Refusal& refusal) {
  SharedLoad& load = *shared_->load;
  if (shared_->loop->blocks().short_of_memory()) return refuse(Refusal::memory, refusal);
  if (transport.raw_socket() >= shared_->loop->descriptors().scarce) return refuse(Refusal::descriptors, refusal);
  if (load.connections.take(shared_->connections_max)) return true;
  return refuse(Refusal::connections, refusal);
}

// Nothing is told to them and nothing else spent on them: what they speak is not known yet.
bool Acceptor::denies(const IpAddress& ip) {
  if (settings_->ips == nullptr || settings_->ips->refusal(ip, shared_->worker).empty()) return false;
  count_refusal(Refusal::denied);
  return true;
}

void Acceptor::count_refusal(Refusal why) {
  metrics().refused[static_cast<size_t>(why) - 1].add();
  log_refusal(why);
}

bool Acceptor::refuse(Refusal why, Refusal& refusal) {
  count_refusal(why);
  refusal = why;
  return shared_->load->refused.take(kRefusedMax);
}

void Acceptor::log_refusal(Refusal why) {
  ++refusals_unlogged_;
  TimePoint now = shared_->loop->clock().now();
  if (refusals_logged_at_ != TimePoint{} && now - refusals_logged_at_ < kRefusalLogEvery) return;
  LOG(warn, "connections refused", kv("listener", settings_->name),
      kv("limit", observe::kRefusalLabels[static_cast<size_t>(why) - 1]), kv("times", refusals_unlogged_));
  refusals_logged_at_ = now;
  refusals_unlogged_ = 0;
}

void Acceptor::leave(Refusal refusal) {
  (refusal == Refusal::none ? shared_->load->connections : shared_->load->refused).give();
}

// Counts a connection that is to be served against per_ip, or makes it a refused one. A trusted proxy brings
// many clients over its connections, and a unix socket has no address: neither is limited.
SharedAddressCounts::Place Acceptor::place(const IpAddress& ip, Refusal& refusal) {
  using Place = SharedAddressCounts::Place;
  bool counts = refusal == Refusal::none && settings_->per_ip_max != UINT32_MAX && !ip.is_none() &&
                !shared_->trusted_proxies->contains(ip);
  if (!counts) return Place::none;
  Place place = shared_->load->addresses.take(settings_->metrics_id, ip, settings_->per_ip_max);
  if (place == Place::served) return place;
  shared_->load->connections.give();
  bool room = refuse(Refusal::address, refusal);
  if (room && place == Place::told) return place;
  if (place == Place::told) shared_->load->addresses.give(settings_->metrics_id, ip, place);
  if (room) shared_->load->refused.give();
  return Place::none;
}

void Acceptor::open(net::TransportPtr transport, const ClientFacts& client, Chain early) {
  ClientFacts facts = client;
  SharedAddressCounts::Place placed = place(facts.ip, facts.refusal);
  bool no_room = facts.refusal == Refusal::address && placed == SharedAddressCounts::Place::none;
  if (no_room) return transport->abort();
  metrics().connections.add();
  metrics().accepted.add();
  if (settings_->tls) {
    transport = net::accept_tls(*shared_->tls_io, std::move(transport), settings_->tls->current(),
                                std::move(early), &settings_->protocols.alpn());
  }
  if (MemoryShare* share = shared_->loop->blocks().share()) share->take(connection_bytes(*settings_));
  ClientConnection* connection = slab_.make(*shared_->loop, *shared_->handler, *this, settings_, facts);
  connection->set_place(placed);
  live_.push_back(*connection);
  connection->start(std::move(transport), std::move(early));
  if (draining_) connection->drain();   // its PROXY header came late
}

void Acceptor::on_handshake(ClientConnection& connection) {
  net::TlsFacts tls = connection.facts().transport->tls();
  using observe::Handshake;
  shared_->shard->handshake(tls.version, tls.resumed ? Handshake::resumed : Handshake::full);
}

void Acceptor::on_handshake_failed(ClientConnection& connection, Error why) {
  shared_->shard->handshake_failed(why);
  LOG(debug, "handshake failed", kv("listener", settings_->name),
      kv("ip", connection.facts().ip.to_string()), kv("error", code_name(why.code)),
      kv("reason", why.what));
}

void Acceptor::on_client_gone(ClientConnection& connection) {
  const ClientFacts& facts = connection.facts();
  const ListenerSettings& settings = *facts.listener;   // the acceptor's may be newer
  if (connection.place() != SharedAddressCounts::Place::none) {
    shared_->load->addresses.give(settings.metrics_id, facts.ip, connection.place());
  }
  leave(facts.refusal);
  size_t bytes = connection_bytes(settings) + (connection.is_h2() ? http::kH2Bytes : 0);
  if (MemoryShare* share = shared_->loop->blocks().share()) share->give(bytes);
  observe::ListenerMetrics& counts = shared_->shard->listener(settings.metrics_id);
  counts.connections.sub();
  if (std::optional<http::H2Abuse> abuse = connection.abuse()) {
    counts.h2_abuses[static_cast<size_t>(*abuse)].add();
    LOG(info, "HTTP/2 connection closed", kv("listener", settings.name), kv("ip", facts.ip.to_string()),
        kv("limit", http::kH2AbuseLabels[static_cast<size_t>(*abuse)]));
  }
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

void Acceptor::bury(ProxyReader& reader) {
  reader.unlink();
  --readers_count_;
  new ReaderGrave(shared_->loop->scheduler(), reader);
}

void Acceptor::on_proxy_header(ProxyReader& reader, const net::SocketAddress& client, Chain rest) {
  net::SocketAddress from = client.is_any() ? reader.socket_client() : client;
  net::TransportPtr transport = reader.take_transport();
  ClientFacts facts;
  facts.ip = from.ip();
  facts.port = from.port();
  facts.refusal = reader.refusal();
  bury(reader);
  if (denies(facts.ip)) {
    leave(facts.refusal);
    return transport->abort();
  }
  open(std::move(transport), facts, std::move(rest));
}

void Acceptor::on_proxy_failed(ProxyReader& reader) {
  leave(reader.refusal());
  bury(reader);
}

}  // namespace sluice::server
