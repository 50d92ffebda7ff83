// Our HTTP/2 server with nghttp2's client, which knows nothing of ours: what goes over the wire is what RFC 9113 says.
#include <gtest/gtest.h>

#include "unit/http/nghttp2_peer.h"

namespace sluice::http {
namespace {

using enum Nghttp2Peer::Rest;
constexpr int32_t kAnyStream = 0x7fffffff;
constexpr size_t kLarge = 300'000;   // several windows

TEST(H2ServerAndNghttp2, takes_a_body_of_many_windows_as_it_is_consumed) {
  Served pair;
  std::string body = body_of(kLarge);
  int32_t id = pair.client.ask(kPostFields, follows);
  pair.client.send(id, body);
  pair.client.end(id);
  pair.settle();
  RecordingEvents& request = pair.request(0);
  for (size_t arrived = kH2StreamWindow; arrived < body.size(); arrived += kH2StreamWindow) {
    ASSERT_EQ(request.body.size(), arrived);
    EXPECT_EQ(pair.client.window(id), 0);
    pair.wire.time += std::chrono::seconds(1);   // time alone opens nothing
    pair.codec.on_room();
    pair.settle();
    ASSERT_EQ(request.body.size(), arrived);
    request.consume_all(pair.stream(0));
    pair.settle();
  }
  EXPECT_TRUE(request.body == body);
  EXPECT_TRUE(request.over());
  pair.answer(0);
  pair.settle();
  EXPECT_EQ(pair.client.log(id), "head(200) end");
  EXPECT_EQ(pair.client.streams[id].closed, 0U);
}

TEST(H2ServerAndNghttp2, sends_a_body_of_many_windows_by_credit) {
  Served pair({.holds = true});
  std::string body = body_of(kLarge);
  int32_t id = pair.ask(kGetFields);
  Nghttp2Peer::Stream& answer = pair.client.streams[id];
  pair.stream(0).send_head(pair.make_head(0, 200), End::no);
  for (size_t sent = 0; sent < body.size();) {
    size_t part = std::min(pair.stream(0).credit(), body.size() - sent);
    ASSERT_EQ(part, std::min<size_t>(NGHTTP2_INITIAL_WINDOW_SIZE, body.size() - sent));
    bool last = (sent += part) == body.size();
    pair.stream(0).send_body(chain_of(pair.pool, std::string_view(body).substr(sent - part, part)), last ? End::yes : End::no);
    pair.settle();
    ASSERT_EQ(answer.body.size(), sent);
    if (last) break;
    EXPECT_EQ(pair.stream(0).credit(), 0U);
    int credits = pair.request(0).credits;
    pair.client.consume_all(id);
    pair.settle();
    EXPECT_EQ(pair.request(0).credits, credits + 1);
  }
  EXPECT_TRUE(answer.body == body);
  EXPECT_EQ(answer.log, "head(200) end");
  EXPECT_EQ(pair.codec.streams(), 0U);
}

TEST(H2ServerAndNghttp2, streams_that_nobody_reads_hold_no_other_up) {
  Served pair;
  std::string body = body_of(kH2StreamWindow + 1);
  size_t slow = kH2ConnectionWindow / kH2StreamWindow + 4;   // more than the connection's window
  for (size_t i = 0; i < slow; ++i) pair.client.send(pair.ask(kPostFields, follows), body);
  pair.settle();
  int32_t quick = pair.ask(kPostFields, follows);
  pair.client.send(quick, "quick");
  pair.client.end(quick);
  pair.settle();
  for (size_t i = 0; i < slow; ++i) EXPECT_EQ(pair.request(i).body.size(), kH2StreamWindow) << i;
  EXPECT_EQ(pair.request(slow).log(), "head(POST /p) body(quick) end");
}

TEST(H2ServerAndNghttp2, credit_is_shared_where_the_connections_window_is_short) {
  Served pair({.holds = true});
  int32_t one = pair.ask(kGetFields), two = pair.ask(kGetFields);
  for (size_t i : {0, 1}) pair.stream(i).send_head(pair.make_head(i, 200), End::no);
  pair.stream(0).send_body(chain_of(pair.pool, body_of(40'000)), End::no);
  EXPECT_EQ(pair.stream(1).credit(), NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE - 40'000U);
  pair.stream(1).send_body(chain_of(pair.pool, body_of(pair.stream(1).credit())), End::no);
  EXPECT_EQ(pair.stream(0).credit(), 0U);
  pair.settle();
  EXPECT_EQ(pair.client.streams[one].body.size() + pair.client.streams[two].body.size(),
            size_t{NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE});
  EXPECT_EQ(pair.request(0).credits, 0);
  pair.client.consume_all(one);
  pair.settle();
  EXPECT_EQ(pair.request(0).credits, 1);
}

TEST(H2ServerAndNghttp2, padding_uses_no_window_up) {
  Served pair({.padding = 200, .piece_max = 50});
  std::string body = body_of(kLarge);
  int32_t id = pair.client.ask(kPostFields, follows);
  pair.client.send(id, body);
  pair.client.end(id);
  pair.settle();
  RecordingEvents& request = pair.request(0);
  for (int i = 0; i < 100 && !request.over(); ++i) {
    EXPECT_LE(request.unconsumed, kH2StreamWindow);
    request.consume_all(pair.stream(0));
    pair.settle();
  }
  EXPECT_TRUE(request.over());
  EXPECT_TRUE(request.body == body);
}

TEST(H2ServerAndNghttp2, passes_trailers_and_interim_responses) {
  Served pair;
  Texts fields = kPostFields;
  fields.insert(fields.end(), {{"expect", "100-continue"}, {"te", "trailers"}});
  int32_t id = pair.ask(fields, follows);
  EXPECT_TRUE(pair.request(0).head->expect_continue);
  EXPECT_TRUE(pair.request(0).head->takes_trailers);
  for (uint16_t status : {100, 103}) pair.stream(0).send_informational(pair.make_head(0, status));
  pair.settle();
  EXPECT_EQ(pair.client.log(id), "interim(100) interim(103)");
  pair.client.send(id, "hello");
  pair.client.end(id, {{"x-sum", "7"}});
  pair.settle();
  EXPECT_EQ(pair.request(0).log(), "head(POST /p) body(hello) trailers(x-sum=7) end");
  pair.stream(0).send_head(pair.make_head(0, 200), End::no);
  pair.stream(0).send_informational(pair.make_head(0, 103));   // too late, and not sent
  pair.stream(0).send_body(chain_of(pair.pool, "you"), End::no);
  send_trailers(pair.stream(0), pair.request(0), "Grpc-Status", "0");
  pair.settle();
  EXPECT_EQ(pair.client.log(id), "interim(100) interim(103) head(200) trailers(grpc-status=0) end");
  EXPECT_EQ(pair.client.streams[id].body, "you");
  EXPECT_EQ(pair.client.streams[id].closed, 0U);
}

TEST(H2ServerAndNghttp2, resets_say_whose_fault_it_was) {
  struct Case {
    Error why;
    uint32_t code;
  };
  const Case cases[] = {
      {{Code::cancelled, Side::client, Progress::sent, ""}, NGHTTP2_CANCEL},
      {{Code::timeout, Side::client, Progress::sent, ""}, NGHTTP2_CANCEL},
      {{Code::timeout, Side::upstream, Progress::sent, ""}, NGHTTP2_INTERNAL_ERROR},
      {{Code::reset, Side::upstream, Progress::answered, ""}, NGHTTP2_INTERNAL_ERROR},
      {{Code::truncated, Side::upstream, Progress::answered, ""}, NGHTTP2_INTERNAL_ERROR},
      {{Code::bad_message, Side::upstream, Progress::answered, ""}, NGHTTP2_INTERNAL_ERROR},
  };
  for (const Case& one : cases) {
    Served pair;
    int32_t early = pair.ask(kGetFields), late = pair.ask(kGetFields), other = pair.ask(kGetFields);
    pair.stream(1).send_head(pair.make_head(1, 200), End::no);
    pair.stream(1).send_body(chain_of(pair.pool, "some"), End::no);
    for (size_t at : {0, 1}) pair.stream(at).reset(one.why);
    pair.answer(2);
    pair.settle();
    std::string reset = "reset(" + std::to_string(one.code) + ")";
    EXPECT_EQ(pair.client.log(early), reset);
    EXPECT_EQ(pair.client.log(late), "head(200) " + reset);
    EXPECT_EQ(pair.client.streams[late].body, "some");
    EXPECT_EQ(pair.client.log(other), "head(200) end");
    EXPECT_EQ(pair.codec.streams(), 0U);
  }
}

TEST(H2ServerAndNghttp2, an_answer_that_is_let_go_of_too_early_is_a_reset) {
  Served pair;
  int32_t none = pair.ask(kGetFields), half = pair.ask(kGetFields), whole = pair.ask(kPostFields, follows);
  pair.stream(0).detach();
  pair.stream(1).send_head(pair.make_head(1, 200), End::no);
  pair.stream(1).detach();
  pair.answer(2);   // whole, but the request is not: no more of it is needed
  pair.settle();
  EXPECT_EQ(pair.client.log(none), "reset(2)");
  EXPECT_EQ(pair.client.log(half), "head(200) reset(2)");
  EXPECT_EQ(pair.client.log(whole), "head(200) end reset(0)");
  EXPECT_EQ(pair.codec.streams(), 0U);
}

TEST(H2ServerAndNghttp2, a_clients_reset_is_its_own_whatever_the_code) {
  for (uint32_t code : {NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_STREAM_CLOSED,
                        NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM}) {
    Served pair;
    int32_t asked = pair.ask(kGetFields), sending = pair.ask(kPostFields, follows);
    pair.client.send(sending, "some");
    pair.settle();
    pair.stream(0).send_head(pair.make_head(0, 200), End::no);
    for (int32_t id : {asked, sending}) pair.client.reset(id, code);
    pair.settle();
    EXPECT_EQ(pair.keeper.log(), "head(GET /a) end reset(reset) | head(POST /p) body(some) reset(reset)") << code;
    for (size_t at : {0, 1}) {
      EXPECT_EQ(pair.request(at).reset->side, Side::client);
      EXPECT_EQ(pair.request(at).reset->progress, Progress::sent);
    }
    EXPECT_EQ(pair.codec.streams(), 0U);
    EXPECT_EQ(pair.wire.ending(), "");
  }
}

TEST(H2ServerAndNghttp2, a_drain_serves_what_was_on_its_way_and_names_the_last_one) {
  Served pair;
  int32_t taken = pair.ask(kGetFields);
  pair.codec.drain();
  int32_t crossing = pair.client.ask(kGetFields);   // sent before the client hears of it
  pair.send(pair.client.take_output());
  int32_t late = pair.client.ask(kGetFields);
  std::string held = pair.client.take_output();
  pair.client.feed(pair.wire.take_sent());
  EXPECT_EQ(pair.client.goaways, (std::vector<Nghttp2Peer::Goaway>{{kAnyStream, 0}}));
  pair.codec.on_timeout(Phase::last);
  pair.send(held);
  ASSERT_EQ(pair.keeper.log(), "head(GET /a) end | head(GET /a) end");
  pair.settle();
  EXPECT_EQ(pair.client.goaways, (std::vector<Nghttp2Peer::Goaway>{{kAnyStream, 0}, {crossing, 0}}));
  EXPECT_EQ(pair.client.streams[late].closed, NGHTTP2_REFUSED_STREAM);   // so it may be sent elsewhere
  EXPECT_EQ(pair.wire.ending(), "");
  for (size_t at : {0, 1}) pair.answer(at);
  pair.settle();
  for (int32_t id : {taken, crossing}) EXPECT_EQ(pair.client.log(id), "head(200) end");
  EXPECT_EQ(pair.wire.ending(), "flush");
}

TEST(H2ServerAndNghttp2, refuses_streams_above_the_number_that_it_announced) {
  H2Limits limits;
  limits.streams = 3;
  Served pair({}, limits);
  for (int i = 0; i < 4; ++i) pair.client.ask(kGetFields);   // it has not heard of our SETTINGS yet
  pair.settle();
  EXPECT_EQ(pair.client.setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 3U);
  ASSERT_EQ(pair.keeper.requests.size(), 3U);
  EXPECT_EQ(pair.client.log(7), "reset(" + std::to_string(NGHTTP2_REFUSED_STREAM) + ")");
  pair.ask(kGetFields);   // now it waits for its turn
  EXPECT_EQ(pair.keeper.requests.size(), 3U);
  pair.answer(1);
  pair.settle();
  ASSERT_EQ(pair.keeper.requests.size(), 4U);
  for (size_t at : {0, 2, 3}) pair.answer(at);
  pair.settle();
  for (int32_t id : {1, 3, 5, 9}) EXPECT_EQ(pair.client.log(id), "head(200) end") << id;
  EXPECT_EQ(pair.codec.streams(), 0U);
}

TEST(H2ServerAndNghttp2, cookies_that_were_split_are_one_field_and_set_cookies_stay_apart) {
  Served pair;
  Texts fields = kGetFields;
  fields.insert(fields.end(), {{"cookie", "a=1"}, {"x-between", "1"}, {"cookie", "b=2; c=3"}, {"cookie", "d=4"}});
  int32_t id = pair.ask(fields);
  const Fields& read = pair.request(0).head->fields;
  EXPECT_EQ(read.count(FieldId::cookie), 1U);
  EXPECT_EQ(read.get(FieldId::cookie), "a=1; b=2; c=3; d=4");
  EXPECT_EQ(read.get("x-between"), "1");
  Head& head = pair.make_head(0, 200);
  for (const char* value : {"a=1; Path=/", "b=2; Secure"}) head.fields.add("Set-Cookie", value);
  pair.stream(0).send_head(head, End::yes);
  pair.settle();
  EXPECT_EQ(pair.client.values(id, "set-cookie"), (std::vector<std::string>{"a=1; Path=/", "b=2; Secure"}));
}

TEST(H2ServerAndNghttp2, empty_cookies_leave_no_white_space_at_the_edge) {   // found by h2_head_fuzz
  Served pair;
  Texts fields = kGetFields;
  for (const char* cookie : {"", "a=1", "", "b=2", ""}) fields.emplace_back("cookie", cookie);
  pair.ask(fields);
  EXPECT_EQ(pair.request(0).head->fields.get(FieldId::cookie), "a=1; b=2");
}

TEST(H2ServerAndNghttp2, offers_extended_connect_and_carries_a_tunnel) {
  Served pair;
  pair.settle();
  EXPECT_EQ(pair.client.setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), 1U);
  Texts fields = {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "a"},
                  {":path", "/live"}, {"sec-websocket-version", "13"}};
  int32_t id = pair.ask(fields, follows);
  ASSERT_EQ(pair.request(0).log(), "head(GET /live) end");
  EXPECT_EQ(pair.request(0).head->upgrade, "websocket");
  pair.client.send(id, "early");
  pair.settle();
  pair.stream(0).send_head(pair.make_head(0, 200), End::no);
  RecordingEvents tunnel(pair.pool);
  pair.stream(0).begin_tunnel(tunnel);
  std::string large = body_of(kLarge);
  pair.client.send(id, large);
  pair.client.end(id);
  pair.stream(0).send_body(chain_of(pair.pool, "back"), End::no);
  for (int i = 0; i < 10 && !tunnel.over(); ++i) {
    pair.settle();
    EXPECT_LE(tunnel.unconsumed, kH2StreamWindow);
    tunnel.consume_all(pair.stream(0));
  }
  EXPECT_TRUE(tunnel.over());
  EXPECT_TRUE(tunnel.body == "early" + large);
  pair.stream(0).send_body(chain_of(pair.pool, " and end"), End::yes);   // its other way was still open
  pair.settle();
  EXPECT_EQ(pair.client.log(id), "head(200) end");
  EXPECT_EQ(pair.client.streams[id].body, "back and end");
  EXPECT_EQ(pair.codec.streams(), 0U);
}

/// All that a client says: cookies, a body with trailers behind padding, a reset, a tunnel.
std::string conversation() {
  Served pair({.padding = 3, .piece_max = 90});
  std::string said;
  auto carry = [&] {
    std::string part = pair.client.take_output();
    pair.send(part);
    said += part;
    pair.client.feed(pair.wire.take_sent());
  };
  carry();
  Texts get = kGetFields;
  get.insert(get.end(), {{"cookie", "a=1"}, {"cookie", "b=2"}, {"x-long", std::string(200, 'x')}});
  pair.client.ask(get);
  int32_t post = pair.client.ask(kPostFields, follows);
  pair.client.send(post, body_of(300));
  pair.client.end(post, {{"x-sum", "7"}});
  carry();
  int32_t gone = pair.client.ask(kPostFields, follows);
  pair.client.send(gone, "so");
  carry();
  pair.client.reset(gone, NGHTTP2_CANCEL);
  pair.client.ask({{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/w"}},
                  follows);
  pair.client.ask(get);
  carry();
  return said;
}

struct Heard {
  std::string log, bodies;
  bool operator==(const Heard&) const = default;
};

/// What our server hears when the bytes come as two reads, or byte by byte.
Heard hear(std::string_view said, size_t cut, size_t step = 0) {
  H2Server server;
  server.send(said.substr(0, cut), step);
  server.send(said.substr(cut), step);
  Heard heard{server.keeper.log(), ""};
  for (const auto& request : server.keeper.requests) heard.bodies += request->body + "|";
  EXPECT_EQ(server.wire.ending(), "") << cut;
  return heard;
}

TEST(H2ServerAndNghttp2, hears_the_same_wherever_the_bytes_are_cut) {
  std::string said = conversation();
  Heard whole = hear(said, said.size());
  EXPECT_EQ(whole.log,
            "head(GET /a) end | head(POST /p) body(300 bytes) trailers(x-sum=7) end | head(POST /p) body(so) reset(reset) | "
            "head(GET /w) end | head(GET /a) end");
  EXPECT_TRUE(whole.bodies == "|" + body_of(300) + "|so|||");
  for (size_t cut = 1; cut < said.size(); ++cut) ASSERT_TRUE(hear(said, cut) == whole) << cut << " of " << said.size();
  EXPECT_TRUE(hear(said, said.size(), 1) == whole);
}

}  // namespace
}  // namespace sluice::http
