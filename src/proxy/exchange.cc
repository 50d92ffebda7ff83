#include "proxy/exchange.h"

#include "base/text.h"
#include "http/h1_problems.h"
#include "proxy/grpc_web.h"
#include "proxy/tunnels.h"

namespace sluice::proxy {

using http::End;
using http::FieldId;

namespace {

// Trailers go on only when the head announced them by name: nothing may come in by the back door. In HTTP/2 they have a
// door of their own, and gRPC announces none.
bool keep_announced(const http::Head& head, http::Fields& trailers) {
  if (head.version == http::Version::h2) return !trailers.empty();
  trailers.remove_if([&](const http::Field& trailer) {
    bool announced = false;
    for (const http::Field& field : head.fields) {
      if (field.id != http::FieldId::trailer) continue;
      each_list_element(field.value(), [&](std::string_view name) {
        announced |= equals_ignore_case(name, trailer.name());
        return !announced;
      });
    }
    return !announced;
  });
  return !trailers.empty();
}

}  // namespace

Engine::Engine(const Parts& parts) : parts_(parts), tunnels_(std::make_unique<Tunnels>(*this)) {
  exchanges_.count_in(parts_.blocks.share());
}

Engine::~Engine() { CHECK(exchanges_.live() == 0 && tunnels_->live() == 0); }

void Engine::publish(snapshot::Lease& lease) {
  lease_ = &lease;
  tunnels_->publish(*lease.snapshot);
}

void Engine::drain(Duration over) { tunnels_->drain(over); }

size_t Engine::tunnels() const { return tunnels_->live(); }

http::StreamEvents& Engine::accept(http::Stream& stream, const server::ClientFacts& client) {
  return exchanges_.make(*this, stream, client)->client_events();
}

Exchange::Exchange(Engine& engine, http::Stream& client_stream, const server::ClientFacts& client)
    : Task(engine.parts().scheduler), engine_(&engine), client_stream_(&client_stream),
      client_facts_(&client), lease_(&engine.lease()), client_events_(*this), upstream_events_(*this),
      began_at_(engine.parts().clock.wall()), began_(engine.parts().clock.precise()),
      arena_(engine.parts().blocks) {
  ++lease_->exchanges;
}

Exchange::~Exchange() { --lease_->exchanges; }

Next Exchange::advance() {                   // the life of a request, in reading order
  if (client_error_ && step_ < Step::finish) {
    if (step_ == Step::start && request_started_) begin_request();   // taken back at once: the log says by whom
    return go(Step::finish);
  }
  switch (step_) {
    case Step::start:   return do_start();   // wait for a head, or for what is wrong with it
    case Step::route:   return do_route();   // host + path + method -> Route, or reply 404
    case Step::inspect: return do_inspect(); // request policies: pass, reply, or wait
    case Step::pick:    return do_pick();    // an endpoint, or reply 503
    case Step::connect: return do_connect(); // pooled or fresh upstream Stream
    case Step::forward: return do_forward(); // send the head, start the request Pump
    case Step::outcome: return do_outcome(); // a response head arrived, or back to pick
    case Step::reply:   return do_reply();   // our own response: error, redirect, preflight
    case Step::amend:   return do_amend();   // response policies, on every response, ours too
    case Step::relay:   return do_relay();   // both Pumps until both ends
    case Step::tunnel:  return do_tunnel();  // after a 101: both Streams go into a Tunnel
    case Step::finish:  return do_finish();  // log, count, release
    case Step::done:    return Next::stop;
  }
  return Next::stop;
}

// Answers with a problem; past the response's head only an abort, or the trailers of gRPC, can say that something went
// wrong.
Next Exchange::fail(const Problem& problem) {
  problem_ = &problem;
  if (head_sent_) {
    if (grpc_ != GrpcForm::none && end_in_trailers(problem)) return go(Step::finish);
    client_error_ = Error{Code::cancelled, problem.status < 500 ? Side::client : Side::upstream,
                          Progress::answered, problem.title.data()};
    return go(Step::finish);
  }
  return go(Step::reply);
}

void Exchange::ClientEvents::on_head(http::Head& head) {
  x.request_ = &head;
  x.request_started_ = true;
  x.ready();
}

void Exchange::ClientEvents::on_body(Chain bytes) {
  x.request_bytes_ += bytes.size();
  if (x.request_bytes_ > x.body_bytes_max_) return x.refuse_request(http::kBodyTooLarge);
  x.request_pump_.push(std::move(bytes));
  x.ready();
}

void Exchange::ClientEvents::on_trailers(http::Fields& trailers) {
  if (!keep_announced(*x.request_, trailers)) return;
  x.request_pump_.trailers(trailers);
  if (x.prepared_) x.clean_request_trailers();
}

void Exchange::ClientEvents::on_end() {
  x.request_pump_.end();
  x.ready();
}

void Exchange::ClientEvents::on_reset(Error why) {
  x.client_stream_ = nullptr;
  x.response_pump_.forget_receiver();
  x.client_error_ = why;
  if (why.code == Code::overloaded) x.problem_ = &kMemoryFull;   // for the log: nobody can be told any more
  x.ready();
}

void Exchange::ClientEvents::on_refused(const Problem& problem, http::Head& head) {
  x.request_ = &head;
  x.request_started_ = true;
  x.refuse_request(problem);
}

// The request will never be whole: what goes on is the answer that says so.
void Exchange::refuse_request(const Problem& problem) {
  if (refused_) return;
  refused_ = true;
  problem_ = &problem;
  ready();
}

void Exchange::UpstreamEvents::on_head(http::Head& head) {
  x.response_ = &head;
  x.answered_at_ = x.parts().clock.precise();
  if (x.grpc_ != GrpcForm::none) x.begin_grpc_answer(head);
  x.ready();
}

void Exchange::UpstreamEvents::on_informational(http::Head& head) {
  if (x.client_stream_ == nullptr || x.head_sent_) return;
  x.route_->pipeline.on_response_trailers(x.call_, head.fields);   // 103 is no back door either
  head.fields.remove(FieldId::x_request_id);                       // of the response, which has the gateway's
  x.client_stream_->send_informational(head);
}

void Exchange::UpstreamEvents::on_body(Chain bytes) {
  x.response_pump_.push(std::move(bytes));
  x.ready();
}

void Exchange::UpstreamEvents::on_trailers(http::Fields& trailers) {
  if (!keep_announced(*x.response_, trailers)) return;
  x.route_->pipeline.on_response_trailers(x.call_, trailers);
  if (x.grpc_ != GrpcForm::none) x.hear_grpc_status(trailers);
  if (x.grpc_answer_) return x.grpc_answer_->set_trailers(trailers);
  x.response_pump_.trailers(trailers);
}

void Exchange::UpstreamEvents::on_end() {
  x.response_whole_ = true;
  x.response_pump_.end();
  x.ready();
}

void Exchange::UpstreamEvents::on_reset(Error why) {
  x.upstream_stream_ = nullptr;
  x.response_pump_.forget_source();
  x.request_pump_.forget_receiver();
  x.upstream_error_ = why;
  x.ready();
}

}  // namespace sluice::proxy
