// One connection of a Fetch (private to fetch.cc and fetch_session.cc).
#pragma once

#include <memory>

#include "http/h1_codec.h"
#include "http/h2_codec.h"
#include "net/address.h"
#include "upstream/fetch.h"
#include "wire/connection.h"

namespace sluice::upstream {

/// Events record, advance() acts: a codec is never ended from inside one of its own calls.
class Fetch::Session final : public wire::Connection::Owner, public http::StreamEvents, private Task {
 public:
  /// gives: null when no socket could be made
  static Session* open(Fetch& fetch, const net::SocketAddress& address);
  /// The Fetch has gone or has its answer.
  void abandon();

  // wire::Connection::Owner
  void on_open() override;
  void on_open_failed(Error why) override;
  void on_available() override;
  void on_gone() override { delete this; }

  // http::StreamEvents
  Arena& arena() override { return arena_; }
  void on_head(http::Head& head) override;
  void on_informational(http::Head&) override {}
  void on_body(Chain bytes) override;
  void on_trailers(http::Fields& trailers) override { keep_wanted(trailers); }
  void on_end() override { settle({}); }
  void on_credit() override {}
  void on_reset(Error why) override;
  void on_refused(const http::Problem&, http::Head&) override { settle("no HTTP response"); }

 private:
  explicit Session(Fetch& fetch);
  Next advance() override;
  void start_h2();
  void send();
  void keep_wanted(const http::Fields& fields);
  /// `failure` empty: the answer is whole.
  void settle(std::string failure);
  const FetchRequest& request() const { return fetch_->request_; }

  Fetch* fetch_;   // null: nobody waits any more
  Arena arena_;
  http::H1Limits limits_;
  wire::Timeouts timeouts_;
  wire::Connection connection_;
  http::H1ClientCodec codec_;
  http::H2Limits h2_limits_;
  std::unique_ptr<http::H2ClientCodec> h2_;   // null: HTTP/1.1, or not yet
  http::Stream* stream_ = nullptr;
  FetchResponse response_;
  std::string failure_;
  bool connect_failed_ = false;
  bool settled_ = false;
  bool reset_ = false;   // stream_ is gone
};

}  // namespace sluice::upstream
