#include "cli/rehearsal.h"

#include <chrono>
#include <deque>
#include <random>

#include "base/text.h"
#include "cli/explain_match.h"
#include "http/h1_codec.h"
#include "http/h2_head.h"
#include "http/rules.h"
#include "proxy/engine.h"
#include "proxy/exchange.h"
#include "proxy/grpc_web.h"
#include "snapshot/choose_route.h"
#include "snapshot/lease.h"
#include "upstream/upstream.h"

namespace sluice::cli {
namespace {

/// A connection that takes everything and keeps it.
class TextWire final : public http::Wire {
 public:
  explicit TextWire(BlockPool& blocks) : blocks_(&blocks) {}
  const std::string& text() const { return text_; }

  BlockPool& blocks() override { return *blocks_; }
  void output(Chain bytes) override { text_ += bytes.to_string(); }
  size_t output_room() const override { return wire::kOutputMax; }
  uint64_t bytes_written() const override { return text_.size(); }
  TimePoint now() const override { return {}; }
  void pause_input() override {}
  void resume_input() override {}
  void expect(http::Phase) override {}
  void finish(http::Finish) override {}
  bool input_waits() const override { return false; }
  void available() override {}

 private:
  BlockPool* blocks_;
  std::string text_;
};

/// A stream of HTTP/2 that takes everything and keeps the fields of its head, a line each.
class FieldStream final : public http::Stream {
 public:
  explicit FieldStream(http::Scheme scheme) : scheme_(scheme) {}
  const std::string& text() const { return text_; }

  void send_head(const http::Head& head, http::End) override {
    for (const http::H2Field& field : writer_.request(head, scheme_, true)) {
      for (char c : field.name) text_ += ascii_lower(c);
      text_.append(": ").append(field.value).append("\n");
    }
    text_ += "\n";
  }
  void send_informational(const http::Head&) override {}
  void send_body(Chain, http::End) override {}
  void send_trailers(const http::Fields&) override {}
  size_t credit() const override { return wire::kOutputMax; }
  void consume(size_t) override {}
  void reset(Error) override {}
  void detach() override {}

 private:
  http::H2FieldWriter writer_;
  std::string text_;
  http::Scheme scheme_;
};

/// One endpoint that is always connected and never answers.
class TextUpstream final : public upstream::Upstream {
 public:
  TextUpstream(BlockPool& blocks, const snapshot::UpstreamPart& part)
      : wire_(blocks), codec_(wire_, limits_), fields_(part.tls ? http::Scheme::https : http::Scheme::http),
        h2_(part.config.protocol != upstream::Protocol::h1) {}
  const std::string& text() const { return h2_ ? fields_.text() : wire_.text(); }

  upstream::Endpoint* pick(const upstream::Tried& tried) override {
    return tried.has(site_) ? nullptr : &site_;
  }
  http::Stream* open(upstream::Endpoint&, upstream::Reuse, upstream::Opening& opening) override {
    if (h2_) return &fields_;
    return &codec_.open(opening.stream_events());
  }
  void cancel(upstream::Opening&) override {}
  void release(upstream::Endpoint&, upstream::Outcome) override {}
  upstream::Lack lack() const override { return upstream::Lack::down; }

 private:
  struct Site final : upstream::Endpoint {
    Site() : Endpoint("-") {}
  };
  Site site_;
  TextWire wire_;
  http::H1Limits limits_;
  http::H1ClientCodec codec_;
  FieldStream fields_;
  bool h2_;
};

/// Stands between codec and exchange: sees the head as it arrives, before any policy changes it.
class Onlooker final : public http::StreamAcceptor, public http::StreamEvents {
 public:
  Onlooker(proxy::Engine& engine, const server::ClientFacts& client,
           const snapshot::Snapshot& snapshot, Rehearsed& seen)
      : engine_(&engine), client_(&client), snapshot_(&snapshot), seen_(&seen) {}

  http::StreamEvents& accept(http::Stream& stream) override {
    inner_ = &engine_->accept(stream, *client_);
    return *this;
  }
  Arena& arena() override { return inner_->arena(); }
  void on_head(http::Head& head) override {
    name_call(head);
    if (client_->listener->redirect_port == 0) {  // otherwise nothing is routed
      seen_->match = explain_match(*snapshot_, head);
      route::Params params;
      route::MatchResult result = snapshot::choose_route(*snapshot_, head, params);
      if (result.outcome != route::MatchResult::Outcome::not_found) {
        seen_->route = snapshot_->routes[result.route].part.get();
        if (seen_->route->grpc_web && seen_->grpc == proxy::GrpcForm::none) seen_->grpc = proxy::grpc_web_form(head);
      }
    }
    if (seen_->grpc != proxy::GrpcForm::none) seen_->deadline = proxy::grpc_timeout(head.fields);
    inner_->on_head(head);
  }
  void on_informational(http::Head& head) override { inner_->on_informational(head); }
  void on_body(Chain bytes) override { inner_->on_body(std::move(bytes)); }
  void on_trailers(http::Fields& trailers) override { inner_->on_trailers(trailers); }
  void on_end() override { inner_->on_end(); }
  void on_credit() override { inner_->on_credit(); }
  void on_reset(Error why) override { inner_->on_reset(why); }
  void on_refused(const http::Problem& problem, http::Head& head) override {
    seen_->refused = &problem;
    name_call(head);
    inner_->on_refused(problem, head);
  }

 private:
  // gRPC comes over HTTP/2 alone; the text of a request says the same of it.
  void name_call(http::Head& head) {
    if (!http::is_grpc(head)) return;
    head.version = http::Version::h2;
    head.takes_trailers = true;
    seen_->grpc = proxy::GrpcForm::grpc;
  }

  proxy::Engine* engine_;
  const server::ClientFacts* client_;
  const snapshot::Snapshot* snapshot_;
  Rehearsed* seen_;
  http::StreamEvents* inner_ = nullptr;
};

uint64_t any_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

Rehearsed rehearse(std::shared_ptr<const snapshot::Snapshot> snapshot, observe::Registry& registry,
                   const server::ClientFacts& client, std::string_view request) {
  Rehearsed seen;
  BlockPool blocks;
  Scheduler scheduler;
  FakeClock clock;
  clock.set_wall(
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  TimerWheel timers(clock.now());
  Random random(any_seed());
  std::deque<TextUpstream> upstreams;
  snapshot::Lease lease;
  lease.snapshot = snapshot;
  for (const auto& part : snapshot->upstreams) lease.upstreams.push_back(&upstreams.emplace_back(blocks, *part));
  proxy::Engine engine({scheduler, timers, clock, blocks, random, registry.shard(0)});
  engine.publish(lease);
  engine.tell_rule(seen.rule);
  Onlooker onlooker(engine, client, *snapshot, seen);
  TextWire client_wire(blocks);
  http::H1ServerCodec codec(client_wire, onlooker, client.listener->limits);
  {
    Scheduler::Turn turn(scheduler);
    Chain bytes;
    bytes.append_copy(blocks, request);
    bytes.each([&codec](const Slice& slice) { codec.feed(slice); });
  }
  for (const TextUpstream& upstream : upstreams) seen.upstream_request += upstream.text();
  seen.response = client_wire.text();
  {
    Scheduler::Turn turn(scheduler);  // the client goes: nothing is waited for
    codec.on_failed(Error{Code::cancelled, Side::client, Progress::sent, "explained"});
  }
  return seen;
}

}  // namespace sluice::cli
