// A WebSocket's way from the handshake to the end, with time and failures where they hurt.
#include "flow/socket_world.h"
#include "proxy/problems.h"

namespace sluice::flow {
namespace {

class Tunnels : public SocketWorld {
 protected:
  Tunnels() : SocketWorld("idle = \"60s\"") {}
};

TEST_F(Tunnels, bytes_pass_both_ways_until_both_ends) {
  open();
  EXPECT_EQ((*upstream().head)["Sec-WebSocket-Key"], "dGhlIHNhbXBsZSBub25jZQ==");
  from(client->stream, kMasked);
  from(upstream(), kHello);
  EXPECT_EQ(upstream().body, kMasked);
  EXPECT_EQ(client->stream.body, kHello);
  EXPECT_EQ(client->stream.consumed, kMasked.size());
  end(client->stream);
  EXPECT_TRUE(upstream().ended);
  EXPECT_FALSE(client->stream.ended);
  from(upstream(), kHello);
  end(upstream());
  EXPECT_EQ(client->stream.body, std::string(kHello) + std::string(kHello));
  EXPECT_TRUE(client->stream.ended && client->stream.detached && upstream().detached);
  EXPECT_EQ(ended(observe::TunnelEnd::client), 1u);
}

TEST_F(Tunnels, an_upstream_that_goes_with_its_101_is_told_of_by_a_close) {
  client = &world.client();
  client->ask(kAsk);
  {
    Scheduler::Turn turn(world.scheduler);   // head, bytes and end in one read
    UpstreamSide& side = world.upstream_side();
    http::Head* head = side.events->arena().make<http::Head>(side.events->arena());
    ASSERT_TRUE(http::parse_response_head(side.events->arena().copy(kSwitch), {}, http::Method::get,
                                          side.events->arena(), *head));
    side.events->on_head(*head);
    Chain bytes;
    bytes.append_copy(world.blocks, kHello);
    side.events->on_body(std::move(bytes));
    side.stream.vanish();
    side.events->on_reset(Error{Code::reset, Side::upstream, Progress::answered, "test"});
  }
  EXPECT_EQ(client->status(), 101);
  EXPECT_TRUE(client->stream.body.starts_with(kHello));
  EXPECT_EQ(close_code(client->stream), 1011);
  EXPECT_TRUE(client->stream.detached);
}

TEST_F(Tunnels, what_the_receiver_does_not_take_is_not_consumed) {
  open();
  client->stream.set_credit(3);
  from(upstream(), kHello);
  EXPECT_EQ(client->stream.body, kHello.substr(0, 3));
  EXPECT_EQ(upstream().consumed, 3u);
  client->stream.set_credit(100);
  client->stream.tunnel->on_credit();
  world.run();
  EXPECT_EQ(client->stream.body, kHello);
  EXPECT_EQ(upstream().consumed, kHello.size());
  lose(client->stream);
  EXPECT_EQ(close_code(upstream()), 1001);
}

TEST_F(Tunnels, a_close_of_ours_waits_for_the_end_of_the_frame) {
  open();
  from(upstream(), kHello.substr(0, 4));
  world.engine.drain(std::chrono::seconds(10));
  world.pass(std::chrono::milliseconds(20));
  EXPECT_EQ(client->stream.body, kHello.substr(0, 4));
  EXPECT_EQ(close_code(upstream()), 1012);   // nothing was under way there
  from(upstream(), std::string(kHello.substr(4)) + "\x81\x01z");
  EXPECT_TRUE(client->stream.body.starts_with(kHello));
  EXPECT_EQ(close_code(client->stream), 1012);
  EXPECT_EQ(client->stream.body.find('z'), std::string::npos);   // what comes after it is dropped
  from(client->stream, std::string("\x88\x80\0\0\0\0", 6));
  EXPECT_FALSE(client->stream.detached);
  from(upstream(), std::string("\x88\x00", 2));
  EXPECT_TRUE(client->stream.detached && upstream().detached);
  EXPECT_EQ(ended(observe::TunnelEnd::drained), 1u);
}

TEST_F(Tunnels, who_does_not_answer_a_close_is_not_waited_for) {
  open();
  from(upstream(), kHello.substr(0, 4));   // and its end never comes
  world.pass(std::chrono::milliseconds(60'200));
  EXPECT_FALSE(client->stream.gone);
  world.pass(std::chrono::seconds(1));
  EXPECT_TRUE(client->stream.reset_by);   // not whole
  EXPECT_TRUE(upstream().detached);
  EXPECT_EQ(close_code(upstream()), 1001);
  EXPECT_EQ(ended(observe::TunnelEnd::idle), 1u);
}

TEST_F(Tunnels, after_both_have_said_close_the_connections_end_soon) {
  open();
  from(client->stream, std::string("\x88\x82\0\0\0\0\x03\xe8", 8));
  from(upstream(), "\x88\x02\x03\xe8");
  EXPECT_EQ(world.engine.tunnels(), 1u);
  world.pass(std::chrono::seconds(6));
  EXPECT_TRUE(client->stream.detached && upstream().detached);
  EXPECT_EQ(ended(observe::TunnelEnd::client), 1u);
}

TEST_F(Tunnels, draining_spreads_them_over_the_time) {
  std::vector<Client*> clients;
  for (int i = 0; i < 4; ++i) {
    Client& one = world.client();
    one.ask(kAsk);
    world.respond_head(kSwitch);
    clients.push_back(&one);
  }
  world.engine.drain(std::chrono::seconds(10));
  for (int i = 0; i < 4; ++i) {
    int closed = 0;
    world.pass(std::chrono::milliseconds(i == 0 ? 200 : 2000));
    for (Client* one : clients) closed += close_code(one->stream) == 1012;
    EXPECT_EQ(closed, i + 1);
  }
  world.pass(std::chrono::seconds(2));
  EXPECT_EQ(world.engine.tunnels(), 0u);
}

TEST_F(Tunnels, a_side_whose_network_is_gone_is_not_a_slow_one) {
  open();
  lose(client->stream, Code::timeout);
  EXPECT_EQ(ended(observe::TunnelEnd::client_lost), 1u);
}

TEST_F(Tunnels, a_slow_side_is_named) {
  open();
  lose(client->stream, Code::stalled);
  EXPECT_EQ(ended(observe::TunnelEnd::slow), 1u);
  EXPECT_TRUE(upstream().detached);
}

}  // namespace
}  // namespace sluice::flow
