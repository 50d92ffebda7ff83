// The life of a request: takes a client's Stream through routing and policies to an upstream's Stream and back.
// An event records a fact and makes the task ready; advance() decides, one step at a time, in reading order.
#pragma once

#include <optional>

#include "base/arena.h"
#include "http/default_fields.h"
#include "http/stream.h"
#include "loop/task.h"
#include "loop/timer.h"
#include "observe/trace.h"
#include "policy/policy.h"
#include "proxy/engine.h"
#include "proxy/grpc.h"
#include "proxy/problems.h"
#include "proxy/pump.h"
#include "upstream/upstream.h"

namespace sluice::proxy {

class GrpcWebAnswer;

class Exchange final : public Task,
                       private Deferred,
                       private Timer::Owner,
                       private policy::Waiter,
                       private upstream::Opening {
 public:
  Exchange(Engine& engine, http::Stream& client_stream, const server::ClientFacts& client);
  ~Exchange();

  http::StreamEvents& client_events() { return client_events_; }
  /// What the logs would say of it now; views of it. gives: nothing while there is no request, or no more
  std::optional<observe::AccessRecord> look(observe::AuditRecord& audit) const;
  TimePoint began() const { return began_; }
  /// Ends it as if its client had gone.
  void cut();

 private:
  enum class Step : uint8_t {
    start, route, inspect, pick, connect, forward, outcome, reply, amend, relay, tunnel, finish, done,
  };

  struct ClientEvents final : http::StreamEvents {
    explicit ClientEvents(Exchange& exchange) : x(exchange) {}
    Arena& arena() override { return x.arena_; }
    void on_head(http::Head& head) override;
    void on_informational(http::Head&) override {}
    void on_body(Chain bytes) override;
    void on_raw() override { x.ready(); }
    void on_trailers(http::Fields& trailers) override;
    void on_end() override;
    void on_credit() override { x.ready(); }
    void on_reset(Error why) override;
    void on_refused(const Problem& problem, http::Head& head) override;
    Exchange& x;
  };
  struct UpstreamEvents final : http::StreamEvents {
    explicit UpstreamEvents(Exchange& exchange) : x(exchange) {}
    Arena& arena() override { return x.arena_; }
    void on_head(http::Head& head) override;
    void on_informational(http::Head& head) override;
    void on_body(Chain bytes) override;
    void on_raw() override { x.ready(); }
    void on_trailers(http::Fields& trailers) override;
    void on_end() override;
    void on_credit() override { x.ready(); }
    void on_reset(Error why) override;
    void on_refused(const Problem&, http::Head&) override {}
    Exchange& x;
  };

  // exchange.cc: the order of steps
  Next advance() override;
  Next go(Step step) { step_ = step; return Next::again; }
  Next fail(const Problem& problem);
  void refuse_request(const Problem& problem);
  void clean_request_trailers();

  // exchange_inbound.cc: from the head to the choice of an endpoint
  Next do_start();
  Next do_route();
  Next do_inspect();
  void begin_request();
  void begin_call();
  bool is_misdirected() const;
  void find_client();
  void name_request();
  void on_verdict(const policy::Verdict& verdict) override;
  Next act(const policy::Verdict& verdict);

  // exchange_outbound.cc: to the upstream and back
  Next do_pick();
  Next do_connect();
  Next do_forward();
  Next do_outcome();
  void on_opened(http::Stream& stream) override;
  void on_open_failed(Error why) override;
  http::StreamEvents& stream_events() override { return upstream_events_; }
  bool may_retry() const;
  Next retry_or_fail();
  bool watch_progress(uint64_t bytes);
  void leave_upstream(upstream::Outcome outcome);

  // exchange_tunnel.cc: requests for another protocol
  Next accept_websocket();
  const Problem* ask_filters(policy::BodyFilter* filters);
  Next judge_switch();
  bool is_switch() const;
  uint16_t switch_status() const;
  Next refuse_switch();
  Next send_switch();
  Next do_tunnel();

  // exchange_grpc.cc: what is particular to calls
  void begin_grpc(GrpcForm form);
  bool speaks_grpc_web() const { return grpc_ == GrpcForm::web || grpc_ == GrpcForm::web_text; }
  policy::BodyFilter* with_grpc_web_text(policy::BodyFilter* filters);
  void begin_grpc_answer(const http::Head& head);
  void hear_grpc_status(const http::Fields& fields);
  const Problem& too_late() const;
  const Problem* deadline_kept_by(const Error& why) const;
  bool end_in_trailers(const Problem& problem);
  void count_grpc();

  // exchange_finish.cc: the response, our own or the upstream's
  Next do_reply();
  Next do_amend();
  const http::DefaultFields* security_fields() const;
  Next do_relay();
  Next do_finish();
  void count_and_log();
  observe::RequestFacts count(TimePoint end);
  observe::AccessRecord access_record() const;
  observe::AuditRecord audit_record(uint16_t status) const;
  bool denied(uint16_t status) const;
  bool sent_whole_length() const;
  uint16_t status() const { return head_sent_ ? response_->status : 0; }
  bool was_answered() const { return answered_at_ != TimePoint{} && sent_at_ != TimePoint{}; }
  void release() override;
  void on_timer(Timer& timer) override;
  bool waits_for_client() const;
  uint64_t request_body_bytes() const { return request_bytes_ + request_pump_.spliced(); }
  void set_deadline(Duration from_now);
  Duration patience() const;

  const Engine::Parts& parts() const { return engine_->parts_; }
  const snapshot::Snapshot& snapshot() const { return *lease_->snapshot; }

  Engine* engine_;
  http::Stream* client_stream_;
  http::Stream* upstream_stream_ = nullptr;
  const server::ClientFacts* client_facts_;
  snapshot::Lease* lease_;
  const snapshot::RoutePart* route_ = nullptr;
  upstream::Upstream* upstream_ = nullptr;
  upstream::Endpoint* endpoint_ = nullptr;
  http::Head* request_ = nullptr;
  http::Head* response_ = nullptr;
  const Problem* problem_ = nullptr;
  GrpcWebAnswer* grpc_answer_ = nullptr;   // gRPC-Web, once the upstream has answered with gRPC
  const policy::Reply* reply_ = nullptr;
  std::string_view reply_body_;
  std::string_view path_;              // canonical, before any rewrite
  std::string_view authority_;
  std::string_view request_id_;
  std::string_view traceparent_;
  std::string_view allow_;
  std::string_view accept_;            // what a 101 must say; empty: no WebSocket is asked for
  std::string_view last_endpoint_;     // its name, for the log
  ClientEvents client_events_;
  UpstreamEvents upstream_events_;
  Pump request_pump_;
  Pump response_pump_;
  policy::Call call_;
  policy::Client client_;
  upstream::Tried tried_;
  Error upstream_error_;
  Error client_error_;
  Timer timer_;
  WallTime began_at_;
  TimePoint began_;
  TimePoint sent_at_{};                // request head handed to the upstream
  TimePoint answered_at_{};            // response head received
  TimePoint waits_since_{};            // for a connection
  TimePoint own_until_{};              // when the gateway began to wait for one of the sides again
  Duration away_{};                    // spent waiting before the request was sent
  TimePoint until_ = kNever;           // gRPC: the client waits no longer
  uint64_t moved_bytes_ = 0;           // at the last look: progress restarts the deadline
  uint64_t request_bytes_ = 0;         // read, not moved
  uint64_t body_bytes_max_ = UINT64_MAX;
  uint8_t retries_ = 0;
  uint8_t not_taken_ = 0;               // how often, by servers that had done nothing with it
  GrpcForm grpc_ = GrpcForm::none;
  uint8_t grpc_status_ = observe::kNoGrpcStatus;
  Step step_ = Step::start;
  policy::Verdict late_ = policy::Verdict::pass();
  bool has_late_verdict_ : 1 = false;
  bool request_started_ : 1 = false;   // a head came, or a refusal
  bool refused_ : 1 = false;
  bool stream_reused_ : 1 = false;
  bool waits_for_stream_ : 1 = false;
  bool head_sent_ : 1 = false;         // to the client
  bool from_us_ : 1 = false;           // the response is the gateway's own
  bool response_whole_ : 1 = false;
  bool trusted_peer_ : 1 = false;
  bool prepared_ : 1 = false;          // the request is in the form that the upstream gets
  bool fresh_only_ : 1 = false;        // a pooled connection was dead
  bool grpc_text_ : 1 = false;         // the request's body is base64
  bool timed_out_ : 1 = false;
  bool switches_ : 1 = false;          // the upstream has agreed to the WebSocket
  Arena arena_;
};

}  // namespace sluice::proxy
