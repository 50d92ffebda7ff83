#include "admin/admin_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include "admin/request.h"
#include "base/log.h"

namespace sluice::admin {

/// A bound address and those who come in through it.
class AdminServer::Door final : private server::Handler {
 public:
  Door(AdminServer& server, Rights rights, const net::SocketAddress& address)
      : server_(&server), rights_(rights), settings_(std::make_shared<server::ListenerSettings>()) {
    settings_->name = rights == Rights::change ? "control" : "admin";
    settings_->address = address;
  }
  ~Door() {
    if (acceptor_) server_->keeper_->process().registry.release(observe::Table::listener, settings_->metrics_id);
  }

  const net::SocketAddress& address() const { return settings_->address; }
  Result<void> bind();
  Result<void> open();
  void leave() {
    acceptor_->stop_listening();
    acceptor_->drain({});
    socket_.reset();
  }
  bool empty() const { return acceptor_->connections() == 0; }

 private:
  http::StreamEvents& accept(http::Stream& stream, const server::ClientFacts& client) override;

  AdminServer* server_;
  Rights rights_;
  std::shared_ptr<server::ListenerSettings> settings_;
  std::unique_ptr<net::ListenSocket> socket_;
  // Its own: neither traffic nor those at the other door may close this one.
  server::SharedLoad load_{control::random_seed()};
  server::AcceptorShared shared_;
  std::unique_ptr<server::Acceptor> acceptor_;
};

Result<void> AdminServer::Door::bind() {
  const net::SocketAddress& address = settings_->address;
  if (!address.is_unix()) {
    Result<bool> in_use = net::address_in_use(address);
    if (!in_use) return in_use.error();
    if (*in_use) return Error{Code::bad_value, Side::gateway, Progress::unsent, "another process is listening there"};
  }
  net::ListenOptions options;
  options.listening = false;
  options.unix_mode = rights_ == Rights::change ? 0600 : 0660;
  Result<net::ListenSocket> socket = net::ListenSocket::bind(address, options);
  if (!socket) return socket.error();
  socket_ = std::make_unique<net::ListenSocket>(*std::move(socket));
  return {};
}

Result<void> AdminServer::Door::open() {
  if (Result<void> listening = socket_->listen(); !listening) return listening;
  control::Process& process = server_->keeper_->process();
  settings_->metrics_id = process.registry.acquire(observe::Table::listener, settings_->name);
  shared_.loop = &server_->keeper_->loop();
  shared_.tls_io = &server_->tls_io_;
  shared_.handler = this;
  shared_.shard = &process.keeper_shard();
  shared_.load = &load_;
  shared_.trusted_proxies = &server_->no_proxies_;
  shared_.connections_max = kConnectionsMax;
  acceptor_ = std::make_unique<server::Acceptor>(shared_, settings_);
  return acceptor_->listen(*socket_);
}

http::StreamEvents& AdminServer::Door::accept(http::Stream& stream, const server::ClientFacts& client) {
  Peer peer;
  if (rights_ == Rights::change) {
    ucred who{};
    socklen_t size = sizeof(who);
    bool known = getsockopt(client.transport->raw_socket(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
    peer.uid = who.uid;
    peer.pid = who.pid;
    // The file's mode says so already, but a mode is changed more easily than this.
    peer.rights = known && (who.uid == 0 || who.uid == geteuid()) ? Rights::change : Rights::none;
  }
  peer.refused = client.refusal != server::Refusal::none;
  return *new admin::Request(*server_->keeper_, stream, peer);
}

AdminServer::AdminServer(control::Keeper& keeper) : keeper_(&keeper), tls_io_(keeper.loop()) {}
AdminServer::~AdminServer() = default;

Result<void, std::vector<std::string>> AdminServer::prepare(const snapshot::Snapshot& next) {
  abandon();
  std::vector<std::string> faults;
  const auto& config = next.config.admin;
  prepare_place(looking_, config ? &config->address.value : nullptr, Rights::look, faults);
  bool controlled = config && config->control;
  prepare_place(control_, controlled ? &config->control->value : nullptr, Rights::change, faults);
  if (faults.empty()) return {};
  abandon();
  return faults;
}

void AdminServer::prepare_place(Place& place, const net::SocketAddress* address, Rights rights,
                                std::vector<std::string>& faults) {
  if (address == nullptr) return;
  place.keep = place.open && place.open->address() == *address;
  if (place.keep) return;
  place.next = std::make_unique<Door>(*this, rights, *address);
  Result<void> bound = place.next->bind();
  if (bound) return;
  const char* key = rights == Rights::change ? "admin.control" : "admin.address";
  faults.push_back(std::string(key) + ": cannot listen on " + address->to_string() + ": " + bound.error().what);
}

void AdminServer::abandon() {
  for (Place* place : {&looking_, &control_}) {
    place->next.reset();
    place->keep = false;
  }
}

void AdminServer::commit(control::Worker::Publication&) {
  commit_place(looking_);
  commit_place(control_);
}

void AdminServer::sweep() {
  std::erase_if(leaving_, [](const auto& door) { return door->empty(); });
}

void AdminServer::commit_place(Place& place) {
  if (place.keep) return;
  if (place.open) {
    place.open->leave();
    leaving_.push_back(std::move(place.open));
  }
  if (place.next == nullptr) return;
  if (Result<void> opened = place.next->open(); !opened) {
    LOG(error, "cannot listen", kv("address", place.next->address().to_string()), kv("error", opened.error().what));
    return place.next.reset();
  }
  place.open = std::move(place.next);
}

}  // namespace sluice::admin
