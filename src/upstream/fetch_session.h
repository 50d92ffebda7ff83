// One connection of a Fetch, and of others after it where it is kept (private to fetch*.cc).
#pragma once

#include <memory>

#include "http/h1_codec.h"
#include "http/h2_codec.h"
#include "net/address.h"
#include "upstream/fetch.h"
#include "upstream/fetch_keep.h"
#include "wire/connection.h"

namespace sluice::upstream {

/// Events record, advance() acts: a codec is never ended from inside one of its own calls.
class Fetch::Session final : public wire::Connection::Owner,
                             public http::StreamEvents,
                             public ListHook<FetchIdleTag>,
                             private Task {
 public:
  /// gives: null when no socket could be made
  static Session* open(Fetch& fetch, const net::SocketAddress& address);
  /// The Fetch has gone or has its answer.
  void abandon();

  // Of one that is kept.
  const FetchPlace& place() const { return place_; }
  bool usable() const { return codec_.free() && !connection_.ending() && connection_.now() < usable_until_; }
  void idle_in(FetchKeep* keep) { keep_ = keep; }
  /// needs: usable(), and no longer idle
  void serve(Fetch& fetch);
  void end() { connection_.drain(); }

  // wire::Connection::Owner
  void on_open() override;
  void on_open_failed(Error why) override;
  void on_available() override;
  void on_gone() override;

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
  void bind(Fetch& fetch);
  /// After a whole answer. gives: whether it is kept
  bool rest(FetchKeep* keep);
  void finish(http::Finish how);
  Next advance() override;
  void start_h2();
  void send();
  void keep_wanted(const http::Fields& fields);
  /// `failure` empty: the answer is whole.
  void settle(std::string failure);
  const FetchRequest& request() const { return fetch_->request_; }

  Fetch* fetch_ = nullptr;   // null: nobody waits, not any more or not yet
  FetchKeep* keep_ = nullptr;   // where it is idle
  FetchPlace place_;
  TimePoint opened_at_;
  TimePoint usable_until_{};
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
  bool kept_ = false;    // it has served before
  bool lost_ = false;    // and ended without a byte for the one that it serves now
};

}  // namespace sluice::upstream
