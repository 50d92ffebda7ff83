#include "upstream/fetch_session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/text.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace sluice::upstream {

Fetch::Session::Session(Fetch& fetch)
    : Task(fetch.parts_.loop.scheduler()), fetch_(&fetch), arena_(fetch.parts_.loop.blocks()),
      connection_(fetch.parts_.loop, codec_, *this, timeouts_), codec_(connection_, limits_) {
  // The Fetch's own deadline ends everything; these are never the first to pass.
  timeouts_.idle = timeouts_.header = timeouts_.body = timeouts_.write =
      fetch.request_.deadline + std::chrono::seconds(1);
}

Fetch::Session* Fetch::Session::open(Fetch& fetch, const net::SocketAddress& address) {
  std::unique_ptr<Session> session(new Session(fetch));
  const FetchRequest& request = fetch.request_;
  if (request.url.scheme == http::Scheme::https && !request.tls) return nullptr;
  Result<net::TransportPtr> transport =
      request.url.scheme == http::Scheme::https
          ? net::connect_tls(fetch.parts_.tls_io, {address, request.tls, request.url.host},
                             session->connection_)
          : net::connect_socket(fetch.parts_.loop, address, session->connection_);
  if (!transport) return nullptr;
  session->connection_.start_connecting(*std::move(transport));
  return session.release();   // until on_gone
}

void Fetch::Session::abandon() {
  fetch_ = nullptr;
  connection_.finish(http::Finish::abort);
}

void Fetch::Session::on_open() {
  if (fetch_ == nullptr) return;
  stream_ = &codec_.open(*this);
  send();
}

void Fetch::Session::send() {
  const FetchRequest& from = request();
  auto* head = new (arena_.allocate(sizeof(http::Head), alignof(http::Head))) http::Head(arena_);
  head->method = from.method;
  head->scheme = from.url.scheme;
  head->authority = from.url.authority;
  head->path = from.url.path;
  head->query = from.url.query;
  head->has_query = from.url.has_query;
  head->fields.add("User-Agent", "sluice/" SLUICE_VERSION);
  head->fields.add("Accept-Encoding", "identity");   // nothing here unpacks
  for (const auto& [name, value] : from.headers) head->fields.add(name, value);
  if (from.body.empty()) return stream_->send_head(*head, http::End::yes);
  head->content_length = from.body.size();
  head->body = http::Body::length;
  stream_->send_head(*head, http::End::no);
  Chain body;
  body.append_copy(connection_.blocks(), from.body);
  stream_->send_body(std::move(body), http::End::yes);
}

void Fetch::Session::on_open_failed(Error why) {   // on_gone follows
  if (fetch_ == nullptr) return;
  connect_failed_ = true;
  settle(std::string("no connection: ") + why.what);
}

void Fetch::Session::on_head(http::Head& head) {
  response_.status = head.status;
  response_.content_type = head.fields.get("Content-Type").value_or(std::string_view());
  response_.cache_control = head.fields.get("Cache-Control").value_or(std::string_view());
  for (const http::Field& field : head.fields) {
    if (fetch_ == nullptr) break;
    auto is_it = [&](const std::string& name) { return equals_ignore_case(name, field.name()); };
    auto wanted = std::find_if(request().wanted.begin(), request().wanted.end(), is_it);
    if (wanted != request().wanted.end()) response_.fields.emplace_back(*wanted, field.value());
  }
  auto encoding = head.fields.get("Content-Encoding");
  if (encoding && *encoding != "identity") settle("an answer in an encoding that was not asked for");
  if (fetch_ && head.content_length && *head.content_length > request().bytes_max)
    settle("an answer that is too large");
}

void Fetch::Session::on_body(Chain bytes) {
  size_t size = bytes.size();
  if (fetch_ && !settled_) {
    if (response_.body.size() + size > request().bytes_max) {
      settle("an answer that is too large");
    } else {
      bytes.each([this](const Slice& slice) { response_.body.append(slice.data, slice.size); });
    }
  }
  bytes.clear();
  stream_->consume(size);
}

void Fetch::Session::on_reset(Error why) {
  settle(std::string("the connection ended: ") + why.what);
}

void Fetch::Session::settle(std::string failure) {
  if (std::exchange(settled_, true)) return;
  failure_ = std::move(failure);
  ready();
}

Next Fetch::Session::advance() {
  Fetch* fetch = std::exchange(fetch_, nullptr);
  bool connect_failed = connect_failed_;
  std::string failure = std::move(failure_);
  FetchResponse response = std::move(response_);
  // From here on only on_gone comes, at the end of the drain.
  connection_.finish(failure.empty() ? http::Finish::flush : http::Finish::abort);
  if (fetch == nullptr) return Next::stop;
  fetch->session_ = nullptr;
  if (connect_failed) {
    fetch->on_connect_failed(std::move(failure));
  } else if (failure.empty()) {
    fetch->finish(std::move(response));
  } else {
    fetch->finish(std::move(failure));
  }
  return Next::stop;
}

}  // namespace sluice::upstream
