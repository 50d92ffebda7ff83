// Our HTTP/2 client with nghttp2's server, which knows nothing of ours: what goes over the wire is what RFC 9113 says.
#include <gtest/gtest.h>

#include "unit/http/nghttp2_peer.h"

namespace sluice::http {
namespace {

using enum Nghttp2Peer::Rest;
constexpr size_t kLarge = 300'000;   // several windows
const Texts kOk = {{":status", "200"}};

TEST(H2ClientAndNghttp2, sends_a_body_of_many_windows_by_credit) {
  Asked pair({.holds = true});
  std::string body = body_of(kLarge);
  auto& request = pair.ask({Method::post, "/p", End::no});
  Nghttp2Peer::Stream& seen = pair.server.streams[1];
  for (size_t sent = 0; sent < body.size();) {
    size_t part = std::min(request.stream->credit(), body.size() - sent);
    ASSERT_EQ(part, std::min<size_t>(NGHTTP2_INITIAL_WINDOW_SIZE, body.size() - sent));
    bool last = (sent += part) == body.size();
    request.stream->send_body(chain_of(pair.pool, std::string_view(body).substr(sent - part, part)), last ? End::yes : End::no);
    pair.settle();
    ASSERT_EQ(seen.body.size(), sent);
    if (last) break;
    EXPECT_EQ(request.stream->credit(), 0U);
    int credits = request.events.credits;
    pair.server.consume_all(1);
    pair.settle();
    EXPECT_EQ(request.events.credits, credits + 1);
  }
  EXPECT_TRUE(seen.body == body);
  EXPECT_EQ(seen.log, "head(POST /p) end");
}

TEST(H2ClientAndNghttp2, takes_a_body_of_many_windows_as_it_is_consumed) {
  for (size_t padding : {0, 200}) {
    Asked pair({.padding = padding});
    std::string body = body_of(kLarge);
    auto& request = pair.ask({});
    pair.server.answer(1, kOk, follows);
    pair.server.send(1, body);
    pair.server.end(1);
    pair.settle();
    for (size_t arrived = kH2StreamWindow; padding == 0 && arrived < body.size(); arrived += kH2StreamWindow) {
      ASSERT_EQ(request.events.body.size(), arrived);
      EXPECT_EQ(pair.server.window(1), 0);
      request.events.consume_all(*request.stream);
      pair.settle();
    }
    for (int i = 0; i < 100 && !request.events.over(); ++i) {
      EXPECT_LE(request.events.unconsumed, kH2StreamWindow);
      request.events.consume_all(*request.stream);
      pair.settle();
    }
    EXPECT_TRUE(request.events.body == body);
    EXPECT_TRUE(request.events.over());
    request.stream->detach();
    EXPECT_EQ(pair.codec.streams(), 0U);
  }
}

TEST(H2ClientAndNghttp2, passes_trailers_and_interim_responses) {
  Asked pair;
  auto& request = pair.ask({Method::post, "/p", End::no});
  request.stream->send_body(chain_of(pair.pool, "hello"), End::no);
  send_trailers(*request.stream, request.events, "X-Sum", "7");
  pair.settle();
  EXPECT_EQ(pair.server.log(1), "head(POST /p) trailers(x-sum=7) end");
  EXPECT_EQ(pair.server.streams[1].body, "hello");
  pair.server.interim(1, {{":status", "100"}});
  pair.server.interim(1, {{":status", "103"}, {"link", "</a.css>"}});
  pair.settle();
  EXPECT_EQ(request.events.log(), "interim(100) interim(103)");
  pair.server.answer(1, kOk, follows);
  pair.server.send(1, "you");
  pair.server.end(1, {{"grpc-status", "0"}});
  pair.settle();
  EXPECT_EQ(request.events.log(), "interim(100) interim(103) head(200) body(you) trailers(grpc-status=0) end");
  request.stream->detach();
  EXPECT_EQ(pair.codec.streams(), 0U);
}

TEST(H2ClientAndNghttp2, an_answer_before_the_end_of_the_request_is_whole) {
  Asked pair;
  auto& request = pair.ask({Method::post, "/p", End::no});
  pair.server.answer(1, {{":status", "413"}});
  pair.settle();
  pair.server.reset(1, NGHTTP2_NO_ERROR);   // RFC 9113 section 8.1: no more of it is needed
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(413) end");
  request.stream->detach();
  pair.settle();
  EXPECT_EQ(pair.codec.streams(), 0U);
}

TEST(H2ClientAndNghttp2, a_servers_reset_says_whether_to_try_again) {
  struct Case {
    uint32_t code;
    Code why;
    Progress progress;
  };
  const Case cases[] = {
      {NGHTTP2_NO_ERROR, Code::truncated, Progress::sent},
      {NGHTTP2_PROTOCOL_ERROR, Code::truncated, Progress::sent},
      {NGHTTP2_INTERNAL_ERROR, Code::truncated, Progress::sent},
      {NGHTTP2_STREAM_CLOSED, Code::truncated, Progress::sent},
      {NGHTTP2_REFUSED_STREAM, Code::not_taken, Progress::unsent},
      {NGHTTP2_CANCEL, Code::cancelled, Progress::sent},
      {NGHTTP2_ENHANCE_YOUR_CALM, Code::overloaded, Progress::sent},
      {NGHTTP2_HTTP_1_1_REQUIRED, Code::truncated, Progress::sent},
  };
  for (const Case& one : cases) {
    Asked pair;
    auto& early = pair.ask({.path = "/1"});
    auto& interim = pair.ask({.path = "/2"});
    auto& late = pair.ask({.path = "/3"});
    auto& other = pair.ask({.path = "/4"});
    pair.server.interim(3, {{":status", "103"}});
    pair.server.answer(5, kOk, follows);
    pair.server.send(5, "some");
    pair.server.answer(7, kOk);
    pair.settle();
    for (int32_t id : {1, 3, 5}) pair.server.reset(id, one.code);
    pair.settle();
    ASSERT_TRUE(early.events.reset && interim.events.reset && late.events.reset) << one.code;
    EXPECT_EQ(early.events.reset->code, one.why) << one.code;
    EXPECT_EQ(early.events.reset->progress, one.progress) << one.code;
    // What has begun to answer has taken the request, whatever it says later.
    Code begun = one.why == Code::not_taken ? Code::truncated : one.why;
    for (auto* request : {&interim, &late}) {
      EXPECT_EQ(request->events.reset->code, begun) << one.code;
      EXPECT_EQ(request->events.reset->progress, Progress::answered) << one.code;
      EXPECT_EQ(request->events.reset->side, Side::upstream);
    }
    EXPECT_EQ(late.events.body, "some");
    EXPECT_EQ(other.events.log(), "head(200) end");
    other.stream->detach();
    EXPECT_EQ(pair.codec.streams(), 0U);
    EXPECT_TRUE(pair.codec.has_room());
  }
}

TEST(H2ClientAndNghttp2, a_request_that_nobody_wants_any_more_is_cancelled) {
  struct Case {
    std::optional<Error> why;   // none: it is let go of
    uint32_t code;
  };
  const Case cases[] = {
      {{}, NGHTTP2_CANCEL},
      {Error{Code::cancelled, Side::client, Progress::sent, ""}, NGHTTP2_CANCEL},
      {Error{Code::reset, Side::client, Progress::sent, ""}, NGHTTP2_CANCEL},
      {Error{Code::truncated, Side::client, Progress::sent, ""}, NGHTTP2_INTERNAL_ERROR},
  };
  for (const Case& one : cases) {
    Asked pair;
    auto& sending = pair.ask({Method::post, "/1", End::no});
    auto& asked = pair.ask({.path = "/2"});
    for (auto* request : {&sending, &asked}) one.why ? request->stream->reset(*one.why) : request->stream->detach();
    pair.settle();
    std::string reset = "reset(" + std::to_string(one.code) + ")";
    EXPECT_EQ(pair.server.log(1), "head(POST /1) " + reset);
    EXPECT_EQ(pair.server.log(3), "head(GET /2) end " + reset);
    EXPECT_EQ(pair.codec.streams(), 0U);
  }
}

TEST(H2ClientAndNghttp2, what_comes_after_a_cancel_keeps_the_connections_window_open) {
  Asked pair;
  for (int i = 0; i < 40; ++i) {   // 40 windows of a stream are more than one of the connection
    auto& request = pair.ask({});
    int32_t id = 2 * i + 1;
    pair.server.answer(id, kOk, follows);
    pair.server.send(id, body_of(kH2StreamWindow));
    request.stream->detach();   // the answer crosses with the reset
    std::string reset = pair.wire.take_sent();
    feed(pair.codec, pair.wire, pair.server.take_output());
    pair.server.feed(reset);
  }
  auto& request = pair.ask({});
  pair.server.answer(81, kOk, follows);
  pair.server.send(81, body_of(kH2StreamWindow));
  pair.server.end(81);
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(200) body(65535 bytes) end");
  request.stream->detach();
}

TEST(H2ClientAndNghttp2, a_leaving_server_says_which_requests_it_has_taken) {
  Asked pair;
  auto& taken = pair.ask({.path = "/1"});
  auto& also = pair.ask({.path = "/2"});
  auto& crossing = pair.open({.path = "/3"});
  pair.server.goaway(3);
  pair.settle();
  EXPECT_EQ(crossing.events.log(), "reset(not_taken)");
  EXPECT_EQ(crossing.events.reset->progress, Progress::unsent);
  EXPECT_FALSE(pair.codec.has_room());
  EXPECT_TRUE(pair.codec.leaving());
  EXPECT_EQ(pair.wire.ending(), "");
  for (int32_t id : {1, 3}) pair.server.answer(id, kOk);
  pair.settle();
  for (auto* request : {&taken, &also}) {
    EXPECT_EQ(request->events.log(), "head(200) end");
    request->stream->detach();
  }
  EXPECT_EQ(pair.wire.ending(), "flush");
}

TEST(H2ClientAndNghttp2, a_drain_ends_with_the_last_answer) {
  Asked pair;
  auto& request = pair.ask({.path = "/1"});
  pair.codec.drain();
  EXPECT_FALSE(pair.codec.has_room());
  pair.settle();
  EXPECT_EQ(pair.wire.ending(), "");
  pair.server.answer(1, kOk);
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(200) end");
  request.stream->detach();
  pair.settle();
  EXPECT_EQ(pair.wire.ending(), "flush");
  EXPECT_EQ(pair.server.goaways, (std::vector<Nghttp2Peer::Goaway>{{0, 0}}));   // of its streams there were none
}

TEST(H2ClientAndNghttp2, keeps_the_servers_number_of_streams) {
  Asked pair({.streams = 2});
  // Before the server has said so: what it refuses may be sent again.
  for (int i = 0; i < 3; ++i) pair.open({});
  EXPECT_FALSE(pair.codec.is_greeted());
  pair.settle();
  EXPECT_TRUE(pair.codec.is_greeted());
  EXPECT_EQ(pair.requests[2]->events.log(), "reset(not_taken)");
  EXPECT_EQ(pair.requests[2]->events.reset->progress, Progress::unsent);
  EXPECT_FALSE(pair.codec.has_room());
  int availables = pair.wire.availables;
  auto finish = [&](size_t at) {
    pair.server.answer(static_cast<int32_t>(2 * at + 1), kOk);
    pair.settle();
    EXPECT_EQ(pair.requests[at]->events.log(), "head(200) end");
    pair.requests[at]->stream->detach();
  };
  finish(0);
  EXPECT_TRUE(pair.codec.has_room());
  EXPECT_EQ(pair.wire.availables, availables + 1);
  pair.ask({});
  EXPECT_FALSE(pair.codec.has_room());
  pair.server.allow(1);   // fewer than are open: those go on
  pair.settle();
  finish(1);
  EXPECT_FALSE(pair.codec.has_room());
  finish(3);
  EXPECT_TRUE(pair.codec.has_room());
  EXPECT_EQ(pair.wire.ending(), "");
}

TEST(H2ClientAndNghttp2, splits_cookies_and_keeps_set_cookies_apart) {
  Asked pair;
  auto& request = pair.ask({.fields = {{"Cookie", "a=1; b=2; c=3"}, {"X-Name", "v"}}});
  EXPECT_EQ(pair.server.values(1, "cookie"), (std::vector<std::string>{"a=1", "b=2", "c=3"}));
  EXPECT_EQ(pair.server.values(1, "x-name"), (std::vector<std::string>{"v"}));
  EXPECT_EQ(pair.server.values(1, ":authority"), (std::vector<std::string>{"a"}));
  pair.server.answer(1, {{":status", "200"}, {"set-cookie", "a=1; Path=/"}, {"set-cookie", "b=2"}});
  pair.settle();
  EXPECT_EQ(request.events.head->fields.count(FieldId::set_cookie), 2U);
  EXPECT_EQ(request.events.head->fields.get(FieldId::set_cookie), "a=1; Path=/");
  request.stream->detach();
}

TEST(H2ClientAndNghttp2, splits_no_cookie_where_white_space_would_be_at_its_edge) {   // found by h2_head_fuzz
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"a=1;  b=2; c=3", {"a=1;  b=2", "c=3"}},
      {"a=1 ; b=2", {"a=1 ; b=2"}},
      {"a=1; \tb=2", {"a=1; \tb=2"}},
      {"; a=1; ; b=2", {"; a=1", "; b=2"}},
      {"a=1;b=2; c=3;", {"a=1;b=2", "c=3;"}},
  };
  for (const auto& [cookie, fields] : cases) {
    Asked pair;
    auto& request = pair.ask({.fields = {{"Cookie", cookie}}});
    EXPECT_EQ(pair.server.log(1), "head(GET /p) end") << cookie;   // RFC 9113 section 8.2.1: else it is malformed
    EXPECT_EQ(pair.server.values(1, "cookie"), fields);
    request.stream->detach();
  }
}

TEST(H2ClientAndNghttp2, asks_for_a_tunnel_where_it_is_offered) {
  Asked without;
  without.settle();
  EXPECT_FALSE(without.codec.takes_tunnels());
  Asked pair({.tunnels = true});
  pair.settle();
  EXPECT_TRUE(pair.codec.takes_tunnels());
  auto& request = pair.open({.path = "/live",
                             .fields = {{"Sec-WebSocket-Key", "AAAA"}, {"Sec-WebSocket-Version", "13"}},
                             .upgrade = kWebSocket});
  pair.settle();
  EXPECT_EQ(pair.server.log(1), "head(CONNECT /live)");   // as nghttp2's rules for RFC 8441 want it, and open
  EXPECT_EQ(pair.server.values(1, ":protocol"), (std::vector<std::string>{"websocket"}));
  EXPECT_TRUE(pair.server.values(1, "sec-websocket-key").empty());
  EXPECT_EQ(pair.server.values(1, "sec-websocket-version"), (std::vector<std::string>{"13"}));
  pair.server.answer(1, kOk, follows);
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(200)");
  RecordingEvents tunnel(pair.pool);
  request.stream->begin_tunnel(tunnel);
  request.stream->send_body(chain_of(pair.pool, "there"), End::no);
  pair.server.send(1, "back");
  pair.server.end(1);
  pair.settle();
  EXPECT_EQ(tunnel.log(), "body(back) end");
  request.stream->send_body(chain_of(pair.pool, " and end"), End::yes);   // its other way was still open
  pair.settle();
  EXPECT_EQ(pair.server.log(1), "head(CONNECT /live) end");
  EXPECT_EQ(pair.server.streams[1].body, "there and end");
  EXPECT_EQ(pair.server.streams[1].closed, 0U);
  request.stream->detach();
  EXPECT_EQ(pair.codec.streams(), 0U);
}

TEST(H2ClientAndNghttp2, a_tunnel_that_is_refused_is_answered_as_any_request) {
  Asked pair({.tunnels = true});
  pair.settle();
  auto& request = pair.open({.path = "/live", .upgrade = kWebSocket});
  pair.settle();
  pair.server.answer(1, {{":status", "403"}}, follows);
  pair.server.send(1, "no");
  pair.server.end(1);
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(403) body(no) end");
  request.stream->detach();
  pair.settle();
  EXPECT_EQ(pair.codec.streams(), 0U);
}

void ask_three(Asked& pair) {
  pair.open({.path = "/1"});
  pair.open({.path = "/2"});
  pair.open({Method::head, "/3"});
}

/// All that a server says to those: interim responses, a body with trailers behind padding, a reset.
std::string conversation() {
  Asked pair({.padding = 3, .piece_max = 90});
  std::string said;
  auto carry = [&] {
    pair.server.feed(pair.wire.take_sent());
    std::string part = pair.server.take_output();
    feed(pair.codec, pair.wire, part);
    said += part;
  };
  ask_three(pair);
  carry();
  pair.server.interim(1, {{":status", "103"}, {"link", "</a.css>"}});
  pair.server.answer(1, {{":status", "200"}, {"x-long", std::string(200, 'x')}}, follows);
  pair.server.send(1, body_of(300));
  pair.server.answer(3, kOk, follows);
  pair.server.send(3, "so");
  carry();
  pair.server.end(1, {{"x-sum", "7"}});
  pair.server.reset(3, NGHTTP2_CANCEL);
  pair.server.answer(5, {{":status", "200"}, {"content-length", "7"}});
  carry();
  carry();
  for (auto& request : pair.requests) request->stream->detach();
  return said;
}

struct Heard {
  std::string log, bodies;
  bool operator==(const Heard&) const = default;
};

Heard hear(std::string_view said, size_t cut, size_t step = 0) {
  Asked pair;   // its server says nothing
  ask_three(pair);
  feed(pair.codec, pair.wire, said.substr(0, cut), step);
  feed(pair.codec, pair.wire, said.substr(cut), step);
  Heard heard;
  for (auto& request : pair.requests) {
    heard.log += request->events.log() + " | ";
    heard.bodies += request->events.body + "|";
  }
  EXPECT_EQ(pair.wire.ending(), "") << cut;
  return heard;
}

TEST(H2ClientAndNghttp2, hears_the_same_wherever_the_bytes_are_cut) {
  std::string said = conversation();
  Heard whole = hear(said, said.size());
  EXPECT_EQ(whole.log,
            "interim(103) head(200) body(300 bytes) trailers(x-sum=7) end | head(200) body(so) reset(cancelled) | "
            "head(200) end | ");
  EXPECT_TRUE(whole.bodies == body_of(300) + "|so||");
  for (size_t cut = 1; cut < said.size(); ++cut) ASSERT_TRUE(hear(said, cut) == whole) << cut << " of " << said.size();
  EXPECT_TRUE(hear(said, said.size(), 1) == whole);
}

}  // namespace
}  // namespace sluice::http
