#include "upstream/fetch_session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/text.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace sluice::upstream {

Fetch::Session::Session(Fetch& fetch)
    : Task(fetch.parts_.loop.scheduler()), place_(FetchPlace::of(fetch.request_)), opened_at_(fetch.parts_.loop.clock().now()),
      arena_(fetch.parts_.loop.blocks()), connection_(fetch.parts_.loop, codec_, *this, timeouts_),
      codec_(connection_, limits_) {
  bind(fetch);
}

void Fetch::Session::bind(Fetch& fetch) {
  fetch_ = &fetch;
  // The Fetch's own deadline ends everything; these are never the first to pass.
  timeouts_.idle = timeouts_.header = timeouts_.body = timeouts_.write =
      fetch.request_.deadline + std::chrono::seconds(1);
}

Fetch::Session* Fetch::Session::open(Fetch& fetch, const net::SocketAddress& address) {
  ++fetch.connections_;
  std::unique_ptr<Session> session(new Session(fetch));
  const FetchRequest& request = fetch.request_;
  if (request.url.scheme == http::Scheme::https && !request.tls) return nullptr;
  Result<net::TransportPtr> transport =
      request.url.scheme == http::Scheme::https
          ? net::connect_tls(fetch.parts_.tls_io, {address, request.tls, request.server_name.empty() ? request.url.host : request.server_name},
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

void Fetch::Session::on_gone() {
  if (keep_) keep_->remove(*this);
  delete this;
}

void Fetch::Session::serve(Fetch& fetch) {
  bind(fetch);
  kept_ = true;
  settled_ = false;
  stream_ = &codec_.open(*this);
  send();
}

bool Fetch::Session::rest(FetchKeep* keep) {
  if (keep == nullptr || reset_) return false;
  TimePoint now = connection_.now();
  Duration left = std::min({keep->limits().idle_for, codec_.idle_patience(), opened_at_ + keep->limits().age - now});
  if (left <= Duration::zero()) return false;
  timeouts_.idle = left;
  usable_until_ = now + left;
  stream_->detach();
  if (!codec_.free()) return false;   // it has ended the connection
  stream_ = nullptr;
  arena_.reset();
  response_ = {};
  keep->add(*this);
  return true;
}

void Fetch::Session::on_open() {
  if (fetch_ == nullptr) return;
  if (request().version == http::Version::h2) return start_h2();
  stream_ = &codec_.open(*this);
  send();
}

void Fetch::Session::start_h2() {
  const net::Transport& transport = *connection_.transport();
  if (transport.is_tls() && transport.tls().alpn != "h2") return settle("the server agrees on no HTTP/2");
  h2_ = std::make_unique<http::H2ClientCodec>(connection_, request().url.scheme, h2_limits_);
  connection_.set_codec(*h2_);
  h2_->start();
}

// Over HTTP/2 the server says first what it takes.
void Fetch::Session::on_available() {
  if (h2_ == nullptr || fetch_ == nullptr || stream_ != nullptr) return;
  if (h2_->ended()) return settle("no HTTP/2 from the server");
  if (!h2_->is_greeted()) return;
  if (!h2_->has_room()) return settle("the server takes no requests");
  ready();
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
  head->takes_trailers = from.version == http::Version::h2;
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
  keep_wanted(head.fields);
  auto encoding = head.fields.get("Content-Encoding");
  if (encoding && *encoding != "identity") settle("an answer in an encoding that was not asked for");
  if (fetch_ && head.content_length && *head.content_length > request().bytes_max)
    settle("an answer that is too large");
}

void Fetch::Session::keep_wanted(const http::Fields& fields) {
  for (const http::Field& field : fields) {
    if (fetch_ == nullptr) break;
    auto is_it = [&](const std::string& name) { return equals_ignore_case(name, field.name()); };
    auto wanted = std::find_if(request().wanted.begin(), request().wanted.end(), is_it);
    if (wanted != request().wanted.end()) response_.fields.emplace_back(*wanted, field.value());
  }
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
  reset_ = true;
  lost_ = kept_ && why.progress != Progress::answered;
  settle(std::string("the connection ended: ") + why.what);
}

void Fetch::Session::settle(std::string failure) {
  if (std::exchange(settled_, true)) return;
  failure_ = std::move(failure);
  ready();
}

Next Fetch::Session::advance() {
  if (!settled_) {   // over HTTP/2 it may begin
    if (fetch_ == nullptr || !h2_->has_room()) return Next::wait;   // and if it ended since, that is told next
    stream_ = &h2_->open(*this);
    send();
    return Next::wait;
  }
  Fetch* fetch = std::exchange(fetch_, nullptr);
  bool connect_failed = connect_failed_;
  std::string failure = std::move(failure_);
  FetchResponse response = std::move(response_);
  bool kept = fetch && failure.empty() && rest(fetch->keep());
  if (!kept) finish(failure.empty() ? http::Finish::flush : http::Finish::abort);
  if (fetch == nullptr) return Next::wait;
  fetch->session_ = nullptr;
  if (connect_failed) {
    fetch->on_connect_failed(std::move(failure));
  } else if (lost_) {
    fetch->on_kept_lost();
  } else if (failure.empty()) {
    fetch->finish(std::move(response));
  } else {
    fetch->finish(std::move(failure));
  }
  return Next::wait;   // until it serves again
}

// From here on only on_gone comes, at the end of the drain.
void Fetch::Session::finish(http::Finish how) {
  if (h2_ && stream_ && !reset_) stream_->detach();
  connection_.finish(how);
}

}  // namespace sluice::upstream
