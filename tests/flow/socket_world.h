// A route for WebSockets, and what a socket's two sides say.
#pragma once

#include "flow/world.h"
#include "http/ws_follower.h"

namespace sluice::flow {

inline constexpr std::string_view kAsk =
    "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
inline constexpr std::string_view kSwitch =   // the answer of RFC 6455 section 1.3
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
inline constexpr std::string_view kHello = "\x81\x05hello";   // from the upstream
inline constexpr std::string_view kMasked = std::string_view("\x81\x82\0\0\0\0hi", 8);   // from the client

class SocketWorld : public testing::Test {
 protected:
  /// `websocket`: keys of the route's table
  explicit SocketWorld(std::string_view websocket)
      : world("[route.r]\nmatch = { path = \"/**\", upgrade = \"websocket\" }\nupstream = \"u\"\nwebsocket = { " +
              std::string(websocket) + " }\n") {
    world.upstream.pooled = true;
  }

  /// `more`: fields of the request; `answer`: the head of the 101
  void open(std::string_view more = {}, std::string_view answer = kSwitch) {
    client = &world.client();
    std::string ask(kAsk);
    client->ask(ask.insert(ask.size() - 2, more));
    world.respond_head(answer);
    ASSERT_EQ(client->status(), 101);
    ASSERT_NE(client->stream.tunnel, nullptr);
    ASSERT_EQ(world.engine.tunnels(), 1u);
    ASSERT_EQ(world.engine.exchanges(), 0u);
  }
  void from(FakeStream& stream, std::string_view bytes) {
    Chain chain;
    chain.append_copy(world.blocks, bytes);
    stream.tunnel->on_body(std::move(chain));
    world.run();
  }
  void end(FakeStream& stream) {
    stream.tunnel->on_end();
    world.run();
  }
  void lose(FakeStream& stream, Code code = Code::reset) {
    http::StreamEvents* events = stream.tunnel;
    stream.vanish();
    events->on_reset(Error{code, Side::gateway, Progress::sent, "test"});
    world.run();
  }
  FakeStream& upstream() { return world.upstream_side().stream; }
  /// The Close at the end of what was sent there. gives: 0 when there is none
  int close_code(const FakeStream& stream) {
    http::WsFollower frames;
    frames.follow(stream.body);
    return frames.closed() ? frames.code() : 0;
  }
  uint64_t ended(observe::TunnelEnd why) {
    return world.registry.shard(0).tunnel_ends[static_cast<size_t>(why)].value();
  }

  World world;
  Client* client = nullptr;
};

}  // namespace sluice::flow
