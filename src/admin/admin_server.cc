#include "admin/admin_server.h"

#include "admin/pages.h"
#include "http/date.h"
#include "proxy/pump.h"

namespace sluice::admin {

/// One request: answered when it is whole.
class AdminServer::Request final : public http::StreamEvents, private Deferred {
 public:
  Request(AdminServer& server, http::Stream& stream)
      : server_(&server), stream_(&stream), arena_(server.keeper_->loop().blocks()) {}

  Arena& arena() override { return arena_; }
  void on_head(http::Head& head) override { head_ = &head; }
  void on_informational(http::Head&) override {}
  void on_body(Chain bytes) override { stream_->consume(bytes.size()); }
  void on_trailers(http::Fields&) override {}
  void on_end() override { answer(make_page(*head_, *server_->keeper_), true); }
  void on_credit() override { go_on(); }
  void on_reset(Error) override { stream_ = nullptr; end(); }
  void on_refused(const http::Problem& problem, http::Head& head) override {
    answer(problem_page(problem, head), false);
  }

 private:
  void answer(const Page& page, bool keep_alive) {
    Loop& loop = server_->keeper_->loop();
    http::Head response(arena_);
    response.status = page.status;
    response.keep_alive = keep_alive;
    response.content_length = page.body.size();
    response.fields.add(http::FieldId::content_type, page.content_type);
    response.fields.add(http::FieldId::cache_control, "no-store");
    if (page.status == 405) response.fields.add(http::FieldId::allow, "GET, HEAD");
    char* date = arena_.text(http::kDateBytes);
    http::write_date(date, loop.clock().wall());
    response.fields.add(http::FieldId::date, {date, http::kDateBytes});
    stream_->send_head(response, http::End::no);
    Chain body;
    body.append_copy(loop.blocks(), page.body);
    pump_.start(nullptr, *stream_, nullptr);
    pump_.push(std::move(body));
    pump_.end();
    go_on();
  }
  void go_on() {
    if (stream_ == nullptr || pump_.run(server_->keeper_->loop().blocks()) != proxy::Pump::State::done) return;
    std::exchange(stream_, nullptr)->detach();
    end();
  }
  void end() {
    pump_.clear();
    server_->keeper_->loop().scheduler().defer(*this);
  }
  void release() override { delete this; }

  AdminServer* server_;
  http::Stream* stream_;
  http::Head* head_ = nullptr;
  proxy::Pump pump_;
  Arena arena_;
};

AdminServer::AdminServer(control::Keeper& keeper, const net::SocketAddress& address)
    : keeper_(&keeper), tls_io_(keeper.loop()), settings_(std::make_shared<server::ListenerSettings>()) {
  settings_->name = "admin";
  settings_->address = address;
}

Result<void> AdminServer::listen() {
  const net::SocketAddress& address = settings_->address;
  if (!address.is_unix()) {
    Result<bool> in_use = net::address_in_use(address);
    if (!in_use) return in_use.error();
    if (*in_use) return Error{Code::bad_value, Side::gateway, Progress::unsent, "another process is listening there"};
  }
  Result<net::ListenSocket> socket = net::ListenSocket::bind(address);
  if (!socket) return socket.error();
  socket_ = std::make_unique<net::ListenSocket>(*std::move(socket));
  control::Process& process = keeper_->process();
  settings_->metrics_id = process.registry.acquire(observe::Table::listener, settings_->name);
  server::AcceptorShared shared;
  shared.loop = &keeper_->loop();
  shared.tls_io = &tls_io_;
  shared.handler = this;
  shared.shard = &process.keeper_shard();
  shared.connections = &connections_;
  shared.trusted_proxies = &no_proxies_;
  shared.connections_max = kConnectionsMax;
  acceptor_ = std::make_unique<server::Acceptor>(shared, settings_);
  return acceptor_->listen(*socket_);
}

http::StreamEvents& AdminServer::accept(http::Stream& stream, const server::ClientFacts&) {
  return *new Request(*this, stream);
}

}  // namespace sluice::admin
