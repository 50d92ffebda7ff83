// Sockets whose messages are looked at: what passes, what ends them and how, and when.
#include <zlib.h>

#include "flow/socket_world.h"
#include "unit/http/ws_frames.h"

namespace sluice::flow {
namespace {

using http::ws_frame;
using observe::TunnelEnd;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string to_client(uint8_t first, std::string payload) { return ws_frame(first, std::move(payload), false); }

class Messages : public SocketWorld {
 protected:
  explicit Messages(std::string_view keys = "max_message = \"1KiB\"") : SocketWorld(keys) {}

  void TearDown() override {
    world.engine.drain({});
    world.pass(seconds(1));
  }

  /// The client was told `code`, the upstream 1001, and it counts as that.
  void expect_blamed(int code, TunnelEnd why) {
    EXPECT_EQ(close_code(client->stream), code);
    EXPECT_EQ(close_code(upstream()), 1001);
    EXPECT_EQ(ended(why), 0u);   // half a second for its answer
    world.pass(seconds(1));
    EXPECT_EQ(ended(why), 1u);
    EXPECT_TRUE(client->stream.detached && upstream().detached);
  }
};

TEST_F(Messages, pass_as_they_came_however_they_are_cut) {
  std::string there = ws_frame(0x01, "one") + ws_frame(0x89, "ping") + ws_frame(0x80, std::string(200, 'x')) +
                      ws_frame(0x82, std::string(1024, '\xff')) + ws_frame(0x81, "") + ws_frame(0x8a, "pong");
  std::string back = to_client(0x81, "hello") + to_client(0x8a, "ping") + to_client(0x02, "a") + to_client(0x80, "b");
  for (size_t step : {1u, 2u, 3u, 7u, 64u, 5000u}) {
    open();
    for (size_t at = 0; at < there.size(); at += step) from(client->stream, std::string_view(there).substr(at, step));
    for (size_t at = 0; at < back.size(); at += step) from(upstream(), std::string_view(back).substr(at, step));
    EXPECT_EQ(upstream().body, there) << step;
    EXPECT_EQ(client->stream.body, back) << step;
    EXPECT_EQ(client->stream.consumed, there.size()) << step;
    EXPECT_EQ(upstream().consumed, back.size()) << step;
    from(client->stream, ws_frame(0x88, "\x03\xe8"));
    from(upstream(), to_client(0x88, "\x03\xe8"));
    EXPECT_EQ(close_code(upstream()), 1000);
    world.pass(seconds(6));
    ASSERT_EQ(world.engine.tunnels(), 0u);
  }
  EXPECT_EQ(ended(TunnelEnd::client), 6u);
}

TEST_F(Messages, every_frame_that_breaks_the_standard_ends_the_socket) {
  uint64_t ends = 0;
  for (const http::WsCase& each : http::ws_cases(true)) {
    if (each.bytes.size() > 1000 || each.fault == http::WsClose::none) continue;
    for (size_t step : {size_t{1}, each.bytes.size()}) {
      open();
      for (size_t at = 0; at < each.bytes.size(); at += step) {
        if (client->stream.tunnel && world.engine.tunnels() > 0) from(client->stream, std::string_view(each.bytes).substr(at, step));
      }
      EXPECT_EQ(close_code(client->stream), static_cast<int>(each.fault)) << each.what << " by " << step;
      EXPECT_TRUE(close_code(upstream()) == 1001 || upstream().reset_by) << each.what << " by " << step;
      EXPECT_TRUE(step == 1 || !upstream().reset_by) << each.what;   // all at once: nothing of it was begun
      world.pass(seconds(1));
      ASSERT_EQ(world.engine.tunnels(), 0u) << each.what;
      ++ends;
    }
  }
  EXPECT_EQ(ended(TunnelEnd::client_protocol), ends);
}

TEST_F(Messages, of_an_upstream_at_fault_the_client_hears_1011) {
  open();
  from(upstream(), to_client(0x81, "good") + ws_frame(0x81, "masked"));
  EXPECT_EQ(close_code(upstream()), 1002);
  EXPECT_EQ(close_code(client->stream), 1011);
  EXPECT_TRUE(client->stream.body.starts_with(to_client(0x81, "good")));
  EXPECT_EQ(client->stream.body.find("masked"), std::string::npos);
  world.pass(seconds(1));
  EXPECT_EQ(ended(TunnelEnd::upstream_protocol), 1u);
}

TEST_F(Messages, good_frames_before_a_bad_one_pass) {
  open();
  from(client->stream, ws_frame(0x81, "good") + ws_frame(0x01, "part") + ws_frame(0x83, "bad"));
  EXPECT_TRUE(upstream().body.starts_with(ws_frame(0x81, "good") + ws_frame(0x01, "part")));
  expect_blamed(1002, TunnelEnd::client_protocol);
}

TEST_F(Messages, a_header_is_judged_before_any_of_its_frame_passes) {
  open();
  from(client->stream, std::string("\x82\xfe\x04\x01", 4));   // 1025 bytes
  EXPECT_EQ(upstream().body, "");
  from(client->stream, "mask");
  expect_blamed(1009, TunnelEnd::message_size);
}

TEST_F(Messages, fragments_count_together) {
  open();
  from(client->stream, ws_frame(0x02, std::string(600, 'x')));
  from(client->stream, ws_frame(0x80, std::string(424, 'x')));
  from(client->stream, ws_frame(0x02, std::string(600, 'x')));
  EXPECT_EQ(world.engine.tunnels(), 1u);
  from(client->stream, ws_frame(0x80, std::string(425, 'x')));
  expect_blamed(1009, TunnelEnd::message_size);
}

TEST_F(Messages, of_the_upstream_have_the_same_limit) {
  open();
  from(upstream(), to_client(0x82, std::string(1025, 'x')));
  EXPECT_EQ(close_code(upstream()), 1009);
  EXPECT_EQ(close_code(client->stream), 1011);
  world.pass(seconds(1));
  EXPECT_EQ(ended(TunnelEnd::message_size), 1u);
}

TEST_F(Messages, a_frame_whose_beginning_has_passed_ends_in_a_reset) {
  open();
  std::string bad = ws_frame(0x81, std::string(100, 'x') + "\xff");
  from(client->stream, bad.substr(0, 50));
  EXPECT_EQ(upstream().body, bad.substr(0, 50));
  from(client->stream, bad.substr(50));
  EXPECT_TRUE(upstream().reset_by);
  EXPECT_EQ(close_code(client->stream), 1007);
}

TEST_F(Messages, what_the_receiver_does_not_take_is_neither_judged_nor_consumed) {
  open();
  std::string message = ws_frame(0x81, std::string(100, 'x'));
  upstream().set_credit(10);
  from(client->stream, message);
  from(client->stream, ws_frame(0x83, "bad"));
  EXPECT_EQ(upstream().body.size(), 10u);
  EXPECT_EQ(client->stream.consumed, 10u);
  EXPECT_EQ(close_code(client->stream), 0);
  upstream().set_credit(1000);
  upstream().tunnel->on_credit();
  world.run();
  EXPECT_TRUE(upstream().body.starts_with(message));
  expect_blamed(1002, TunnelEnd::client_protocol);
}

TEST_F(Messages, what_follows_a_close_means_nothing) {
  open();
  from(client->stream, ws_frame(0x88, "\x03\xe8") + ws_frame(0x8a, "late") + "\xff\xff\xff\xff");
  from(client->stream, "and more");
  EXPECT_EQ(upstream().body, ws_frame(0x88, "\x03\xe8"));
  from(upstream(), to_client(0x81, "last") + to_client(0x88, "\x03\xe8"));
  world.pass(seconds(6));
  EXPECT_EQ(ended(TunnelEnd::client), 1u);
  EXPECT_EQ(client->stream.body, to_client(0x81, "last") + to_client(0x88, "\x03\xe8"));
}

TEST_F(Messages, extensions_are_refused_unless_asked_for) {
  open("Sec-WebSocket-Extensions: permessage-deflate\r\n");
  EXPECT_EQ((*upstream().head)["Sec-WebSocket-Extensions"], "-");
  from(client->stream, ws_frame(0xc1, "x"));
  expect_blamed(1002, TunnelEnd::client_protocol);
  Client& second = world.client();
  second.ask(kAsk);
  std::string answer(kSwitch);
  world.respond_head(answer.insert(answer.size() - 2, "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  EXPECT_EQ(second.status(), 502);
  EXPECT_EQ(second.problem(), "upstream_bad_upgrade");
}

class MessageRate : public Messages {
 protected:
  MessageRate() : Messages("rate = \"3/3s\"") {}
};

TEST_F(MessageRate, beyond_it_the_socket_ends) {
  open();
  for (int i = 0; i < 3; ++i) from(client->stream, ws_frame(0x01, "a") + ws_frame(0x89, "") + ws_frame(0x80, "b"));
  for (int i = 0; i < 9; ++i) from(upstream(), to_client(0x81, "as many as it likes"));
  world.pass(milliseconds(1100));
  from(client->stream, ws_frame(0x81, "one more"));
  EXPECT_EQ(world.engine.tunnels(), 1u);
  std::string before = upstream().body;
  from(client->stream, ws_frame(0x81, "and one"));
  EXPECT_EQ(upstream().body.find(ws_frame(0x81, "and one")), std::string::npos);
  expect_blamed(1008, TunnelEnd::message_rate);
}

class MessageTypes : public Messages {
 protected:
  MessageTypes()
      : Messages("max_message = \"100KiB\", message_types = { field = \"type\", allow = [\"subscribe\", \"publish\"] }") {}
};

TEST_F(MessageTypes, pass_when_they_are_whole) {
  open();
  std::string text = R"({"type":"publish","to":"caf\u00e9"})";
  std::string message = ws_frame(0x01, text.substr(0, 5)) + ws_frame(0x00, text.substr(5, 4));
  std::string rest = ws_frame(0x80, text.substr(9));
  from(client->stream, message);
  EXPECT_EQ(upstream().body, "");
  from(client->stream, ws_frame(0x89, "p"));   // a control frame does not wait
  EXPECT_EQ(upstream().body, ws_frame(0x89, "p"));
  from(client->stream, rest.substr(0, 3));
  from(client->stream, rest.substr(3));
  EXPECT_EQ(upstream().body, ws_frame(0x89, "p") + message + rest);
  EXPECT_EQ(client->stream.consumed, upstream().body.size());
  from(upstream(), to_client(0x82, "anything") + to_client(0x81, "at all"));
  EXPECT_EQ(client->stream.body, to_client(0x82, "anything") + to_client(0x81, "at all"));
}

TEST_F(MessageTypes, others_end_the_socket) {
  struct Row {
    std::string bytes;
    int code;
  };
  const Row rows[] = {{ws_frame(0x81, R"({"type":"admin"})"), 1008}, {ws_frame(0x81, R"({"kind":"publish"})"), 1008},
                      {ws_frame(0x81, R"({"type":7})"), 1008},       {ws_frame(0x81, R"(["type"])"), 1008},
                      {ws_frame(0x81, "not JSON"), 1008},            {ws_frame(0x81, ""), 1008},
                      {ws_frame(0x81, R"({"a":{"type":"publish"}})"), 1008},
                      {ws_frame(0x82, R"({"type":"publish"})"), 1003}};
  for (const Row& row : rows) {
    open();
    from(client->stream, ws_frame(0x81, R"({"type":"subscribe"})") + row.bytes);
    EXPECT_EQ(close_code(client->stream), row.code) << row.bytes;
    EXPECT_TRUE(upstream().body.starts_with(ws_frame(0x81, R"({"type":"subscribe"})")));
    EXPECT_EQ(upstream().body.find(row.bytes), std::string::npos);
    world.pass(seconds(1));
  }
  EXPECT_EQ(ended(TunnelEnd::message_type), std::size(rows));
}

// More than a stream lets come without being consumed.
TEST_F(MessageTypes, large_ones_get_room_while_they_are_held) {
  open();
  std::string message = ws_frame(0x81, R"({"type":"publish","more":")" + std::string(99'000, 'x') + "\"}");
  for (size_t at = 0; at < message.size(); at += 10'000) from(client->stream, std::string_view(message).substr(at, 10'000));
  EXPECT_EQ(upstream().body, message);
  EXPECT_EQ(client->stream.consumed, message.size());
}

TEST_F(MessageTypes, many_empty_fragments_are_not_held) {
  open();
  from(client->stream, ws_frame(0x01, ""));
  for (int i = 0; i < 1100 && world.engine.tunnels() > 0; ++i) from(client->stream, ws_frame(0x00, ""));
  EXPECT_EQ(close_code(client->stream), 1009);
  EXPECT_EQ(upstream().body.find('\x01'), std::string::npos);
}

class LargeTypes : public Messages {
 protected:
  LargeTypes() : Messages("max_message = \"4MiB\", message_types = { field = \"type\", allow = [\"publish\"] }") {
    world.blocks.count_in(share);
  }
  void TearDown() override {
    Messages::TearDown();
    world.blocks.forget_share();
  }

  SharedMemory memory;
  MemoryShare share{memory};
};

TEST_F(LargeTypes, leave_no_memory_behind) {
  open();
  std::string message = ws_frame(0x81, R"({"type":"publish","more":")" + std::string(3 << 20, 'x') + "\"}");
  uint64_t most = 0;
  for (size_t at = 0; at < message.size(); at += 64 << 10) {
    from(client->stream, std::string_view(message).substr(at, 64 << 10));
    most = std::max(most, memory.used());
  }
  EXPECT_EQ(upstream().body.size(), message.size());
  EXPECT_GT(most, 6u << 20);   // as it came, and as it is read
  EXPECT_LT(memory.used(), 1u << 20);
}

class MessagePing : public Messages {
 protected:
  MessagePing() : Messages("ping = \"10s\", idle = \"1m\"") {}

  /// The payload of the ping at the end of what was sent there.
  static std::string ping_in(const FakeStream& stream, bool masked) {
    size_t size = masked ? 14 : 10;
    if (stream.body.size() < size) return {};
    std::string frame = stream.body.substr(stream.body.size() - size);
    http::WsHeader header;
    if (!http::parse_ws_header(frame, header) || header.opcode != 9 || header.masked != masked) return {};
    std::string payload = frame.substr(header.size);
    if (masked) http::apply_ws_mask(payload.data(), payload.size(), header.key, 0);
    return payload;
  }
};

TEST_F(MessagePing, asks_who_is_silent_and_keeps_the_answers) {
  open();
  world.pass(milliseconds(9'500));
  EXPECT_EQ(client->stream.body, "");
  world.pass(milliseconds(1'000));
  std::string payload = ping_in(client->stream, false);
  ASSERT_EQ(payload.size(), 8u);
  EXPECT_EQ(ping_in(upstream(), true), payload);
  size_t sent = upstream().body.size();
  from(client->stream, ws_frame(0x8a, "another") + ws_frame(0x8a, payload) + ws_frame(0x81, "x"));
  EXPECT_EQ(upstream().body.substr(sent), ws_frame(0x8a, "another") + ws_frame(0x81, "x"));
  EXPECT_EQ(client->stream.consumed, (ws_frame(0x8a, "another") + ws_frame(0x8a, payload) + ws_frame(0x81, "x")).size());
  from(upstream(), to_client(0x8a, payload));
  world.pass(milliseconds(9'500));
  EXPECT_EQ(world.engine.tunnels(), 1u);
}

TEST_F(MessagePing, who_does_not_answer_is_gone) {
  open();
  for (int i = 0; i < 21 && close_code(client->stream) == 0; ++i) {   // the upstream is there
    from(upstream(), to_client(0x81, "here"));
    world.pass(seconds(1));
  }
  EXPECT_EQ(close_code(client->stream), 1001);
  EXPECT_EQ(close_code(upstream()), 1001);
  world.pass(seconds(1));
  EXPECT_EQ(ended(TunnelEnd::no_pong), 1u);
}

// Its pong is behind what the upstream does not take, and is not read.
TEST_F(MessagePing, who_waits_for_the_other_side_is_not_given_up) {
  open();
  upstream().set_credit(0);
  from(client->stream, ws_frame(0x81, "for you"));
  for (int i = 0; i < 50; ++i) world.pass(seconds(1));
  EXPECT_EQ(close_code(client->stream), 0);
  EXPECT_EQ(ended(TunnelEnd::no_pong), 0u);
  for (int i = 0; i < 20; ++i) world.pass(seconds(1));
  EXPECT_EQ(ended(TunnelEnd::idle), 1u);   // nothing has moved
}

TEST_F(MessagePing, pongs_alone_do_not_put_off_idle) {
  open();
  for (int i = 0; i < 70 && world.engine.tunnels() > 0 && close_code(client->stream) == 0; ++i) {
    world.pass(seconds(1));
    if (std::string payload = ping_in(client->stream, false); !payload.empty()) from(client->stream, ws_frame(0x8a, payload));
    if (std::string payload = ping_in(upstream(), true); !payload.empty()) from(upstream(), to_client(0x8a, payload));
  }
  world.pass(seconds(1));
  EXPECT_EQ(ended(TunnelEnd::idle), 1u);
}

TEST_F(MessagePing, waits_for_the_end_of_a_frame) {
  open();
  from(upstream(), to_client(0x81, std::string(100, 'x')).substr(0, 50));
  for (int i = 0; i < 30; ++i) {
    world.pass(seconds(1));
    from(upstream(), "x");
  }
  EXPECT_EQ(client->stream.body.size(), 80u);   // nothing was put into it, and nobody who reads was given up
  EXPECT_EQ(world.engine.tunnels(), 1u);
}

class MessageDeflate : public Messages {
 protected:
  MessageDeflate()
      : Messages("max_message = \"64KiB\", compression = \"pass\", message_types = { field = \"type\", allow = [\"a\"] }") {}

  void open_deflated() {
    std::string answer(kSwitch);
    open("Sec-WebSocket-Extensions: x-other, permessage-deflate; client_max_window_bits\r\n",
         answer.insert(answer.size() - 2, "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  }
  /// A message of its own, without what was before.
  static std::string deflated(std::string_view text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(text.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_SYNC_FLUSH);
    out.resize(out.size() - stream.avail_out - 4);
    deflateEnd(&stream);
    return out;
  }
};

TEST_F(MessageDeflate, passes_as_it_came_and_is_looked_at_inflated) {
  open_deflated();
  EXPECT_EQ((*upstream().head)["Sec-WebSocket-Extensions"], "permessage-deflate; client_max_window_bits");
  std::string good = deflated(R"({"type":"a","text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})");
  std::string bytes = ws_frame(0x41, good.substr(0, 9)) + ws_frame(0x89, "p") + ws_frame(0x00, good.substr(9)) + ws_frame(0x80, "");
  for (char byte : bytes) from(client->stream, std::string_view(&byte, 1));
  from(client->stream, ws_frame(0x81, R"({"type":"a"})"));   // this one not
  EXPECT_EQ(upstream().body.size(), bytes.size() + ws_frame(0x81, R"({"type":"a"})").size());
  std::string back = to_client(0xc1, deflated(std::string(3000, 'x')));
  from(upstream(), back);
  EXPECT_EQ(client->stream.body, back);
  from(client->stream, ws_frame(0xc1, deflated(R"({"type":"b"})")));
  expect_blamed(1008, TunnelEnd::message_type);
}

TEST_F(MessageDeflate, a_bomb_ends_the_socket_of_either_side) {
  std::string bomb = deflated(std::string(64 * 1024 + 1'000'000, '\0'));
  ASSERT_LT(bomb.size(), 2000u);
  open_deflated();
  from(client->stream, ws_frame(0xc2 - 1, bomb));
  expect_blamed(1009, TunnelEnd::message_size);
  open_deflated();
  from(upstream(), to_client(0xc2, bomb));
  EXPECT_EQ(close_code(upstream()), 1009);
  EXPECT_EQ(close_code(client->stream), 1011);
  EXPECT_EQ(client->stream.body.size(), 2 + 2 + std::string("other side at fault").size());
}

TEST_F(MessageDeflate, bytes_that_are_none_of_deflate_end_it) {
  open_deflated();
  from(client->stream, ws_frame(0xc1, "\xff\xff\xff\xff"));
  expect_blamed(1007, TunnelEnd::client_protocol);
  open_deflated();
  from(upstream(), to_client(0xc1, deflated("bad \xff text")));
  EXPECT_EQ(close_code(upstream()), 1007);
}

}  // namespace
}  // namespace sluice::flow
