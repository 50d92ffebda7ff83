// One worker without sockets: a real Engine over fake streams, a fake upstream and a clock that
// stands still. When it goes, it proves that nothing leaked: no exchange, no block, no endpoint.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "fakes/stream.h"
#include "fakes/upstream.h"
#include "http/h1_codec.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"
#include "proxy/engine.h"
#include "proxy/exchange.h"
#include "snapshot/build.h"

namespace sluice::flow {

using fakes::FakeStream;
using fakes::FakeUpstream;
using fakes::UpstreamSide;

/// The listener and the upstream that every test has; routes are the test's own.
inline constexpr std::string_view kBase =
    "sluice = 1\n"
    "[listen.a]\naddress = \"127.0.0.1:1\"\n"
    "[upstream.u]\nservers = [\"127.0.0.1:2\", \"127.0.0.1:3\"]\n"
    "timeout = { response = \"15s\", body = \"60s\" }\n";
inline constexpr std::string_view kOneRoute =
    "[route.r]\nmatch = { path = \"/**\" }\nupstream = \"u\"\n";

class World;

/// A client with one request.
class Client {
 public:
  Client(World& world, const server::ClientFacts& facts);

  /// The head, with how its body comes (http::Body) as the text declares it, and its version unless another is given.
  void head(std::string_view text, std::optional<http::Version> version = {});
  void body(std::string_view bytes);
  void trailers(std::string_view name, std::string_view value);
  void end();
  /// Head and end.
  void ask(std::string_view text);
  void reset(Code code = Code::reset);
  void refused(const http::Problem& problem);
  /// Takes this much more.
  void give_credit(size_t bytes);

  /// gives: the status, or 0 when no response was begun
  int status() const { return stream.head ? stream.head->status : 0; }
  /// A whole response, after which the stream was let go.
  bool answered() const { return stream.head && stream.ended && stream.detached; }
  /// gives: the "code" of a problem body
  std::string problem() const;

  FakeStream stream;
  http::StreamEvents* events = nullptr;
  http::Head* request = nullptr;

 private:
  World& world_;
};

class World {
 public:
  explicit World(std::string_view routes = kOneRoute, std::string_view top = "",
                 size_t endpoints = 2);
  ~World();

  Client& client(const char* ip = "192.0.2.7");
  /// Ends what the last event began.
  void run() { Scheduler::Turn turn(scheduler); }
  void pass(Duration time);
  /// Adds a policy to a route, behind those of its configuration.
  void add_policy(std::string_view route, std::unique_ptr<const policy::Policy> policy);

  // The upstream's side, of the last stream opened there.
  UpstreamSide& upstream_side() { return upstream.last(); }
  /// A response head, "HTTP/1.1 200 OK\r\n...\r\n\r\n"; ends where it has no body.
  void respond_head(std::string_view text);
  void respond_body(std::string_view bytes);
  void respond_end();
  void respond_informational(uint16_t status);
  /// A whole response.
  void respond(std::string_view text, std::string_view body);
  void reset_upstream(Code code, Progress progress);

  BlockPool blocks;
  Scheduler scheduler;
  FakeClock clock;
  TimerWheel timers{clock.now()};
  Random random{7};
  observe::Registry registry{1};
  FakeUpstream upstream;
  snapshot::Lease lease;
  proxy::Engine engine{{scheduler, timers, clock, blocks, random, registry.shard(0)}};
  std::deque<server::ClientFacts> facts;
  std::deque<Client> clients;
};

}  // namespace sluice::flow
