// HTTP/2: our server and our client with each other, and with peers made of bytes.
#include <gtest/gtest.h>

#include "h2_peers.h"
#include "http/h1_problems.h"
#include "http/h2_problems.h"

namespace sluice::http {
namespace {

constexpr uint32_t kCalm = 11;
std::string code(uint32_t of) { return "7(" + std::to_string(of) + ")"; }

TEST(H2Server, reads_requests_however_the_bytes_are_cut) {
  std::string post = frame(kHeaders, kEndHeaders, 3, list_of({{":method", "POST"}, {":scheme", "http"}, {":path", "/p?q=1"}, {"host", "A:80"}}));
  std::string bytes = get_frame(1) + post + frame(kData, 0, 3, "12") + frame(kData, kEndStream, 3, "345");
  for (size_t step : {0, 1, 2, 7, 64}) {
    H2Server server;
    server.greet(step);
    server.send(bytes, step);
    EXPECT_EQ(server.keeper.log(), "head(GET /a) end | head(POST /p) body(12345) end") << step;
    const Head& head = *server.keeper.requests[1]->head;
    EXPECT_EQ(head.version, Version::h2);
    EXPECT_EQ(head.authority, "a");
    EXPECT_EQ(head.query, "q=1");
    EXPECT_EQ(head.body, Body::streamed);
    EXPECT_EQ(server.wire.ending(), "");
  }
}

TEST(H2Server, answers_and_keeps_the_connection) {
  H2Server server;
  server.greet();
  server.send(get_frame(1) + get_frame(3));
  server.wire.take_sent();
  server.answer(1);
  server.answer(0, "");
  EXPECT_EQ(frame_types(server.wire.take_sent()), "1 0 1");
  EXPECT_EQ(server.codec.streams(), 0U);
  EXPECT_EQ(server.wire.phase, Phase::idle);
  server.send(get_frame(5));
  EXPECT_EQ(server.wire.phase, Phase::streams);
  EXPECT_EQ(server.keeper.requests.size(), 3U);
  server.answer(2);
}

Texts tunnel_fields(const std::string& protocol) {   // of RFC 8441
  return {{":method", "CONNECT"}, {":protocol", protocol}, {":scheme", "http"}, {":authority", "a"}, {":path", "/a"}};
}

std::string tunnel_frame(uint32_t stream, uint8_t flags = kEndHeaders) {
  return frame(kHeaders, flags, stream, list_of(tunnel_fields("websocket")));
}

struct Refused {
  std::string name;
  Texts fields;
  const Problem* problem;
};
std::vector<Refused> refused_requests() {
  auto with = [](Texts more, Texts from = kGetFields) {
    from.insert(from.end(), more.begin(), more.end());
    return from;
  };
  return {
      {"upper_case", with({{"X-Up", "1"}}), &kUpperCaseName},
      {"connection", with({{"connection", "close"}}), &kConnectionField},
      {"proxy_connection", with({{"proxy-connection", "keep-alive"}}), &kConnectionField},
      {"keep_alive", with({{"keep-alive", "1"}}), &kConnectionField},
      {"upgrade", with({{"upgrade", "websocket"}}), &kConnectionField},
      {"transfer_encoding", with({{"transfer-encoding", "chunked"}}), &kConnectionField},
      {"te", with({{"te", "gzip"}}), &kConnectionField},
      {"empty_name", with({{"", "1"}}), &kBadFieldName},
      {"space_in_name", with({{"a b", "1"}}), &kBadFieldName},
      {"line_feed", with({{"x", "1\n2"}}), &kBadField},
      {"nul", with({{"x", std::string("1\0", 2)}}), &kBadField},
      {"white_space", with({{"x", " 1"}}), &kBadField},
      {"pseudo_twice", with({{":path", "/b"}}), &kBadPseudoField},
      {"pseudo_late", with({{"x", "1"}, {":scheme", "http"}}), &kBadPseudoField},
      {"pseudo_unknown", with({{":protocol", "websocket"}}), &kBadPseudoField},
      {"status", with({{":status", "200"}}), &kBadPseudoField},
      {"no_path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}}, &kBadPseudoField},
      {"empty_path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", ""}}, &kBadTarget},
      {"absolute", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "http://b/"}}, &kBadTarget},
      {"scheme", {{":method", "GET"}, {":scheme", "ftp"}, {":authority", "a"}, {":path", "/"}}, &kBadTarget},
      {"no_host", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, &kMissingHost},
      {"userinfo", {{":method", "GET"}, {":scheme", "http"}, {":authority", "u@a"}, {":path", "/"}}, &kBadHost},
      {"host_differs", with({{"host", "b"}}), &kHostMismatch},
      {"two_hosts", with({{"host", "a"}, {"host", "a"}}), &kBadHost},
      {"method", {{":method", "get"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}, &kUnknownMethod},
      {"protocol_empty", tunnel_fields(""), &kBadPseudoField},
      {"protocol_spaced", tunnel_fields("web socket"), &kBadPseudoField},
      {"protocol_other", tunnel_fields("connect-udp"), &kProtocolUnknown},
      {"protocol_without_path", {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "a"}}, &kBadPseudoField},
      {"protocol_with_upgrade", with({{"upgrade", "websocket"}}, tunnel_fields("websocket")), &kConnectionField},
      {"connect", {{":method", "CONNECT"}, {":authority", "a:80"}}, &kConnectRefused},
      {"length_without_body", with({{"content-length", "5"}}), &kBadContentLength},
      {"two_lengths", with({{"content-length", "0"}, {"content-length", "0"}}), &kBadContentLength},
      {"lookalike", with({{"content_length", "5"}}), &kAmbiguousFieldName},
      {"expect", with({{"expect", "tea"}}), &kBadExpect},
      {"path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/../a"}}, &kBadPath},
      {"long_path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/" + std::string(200, 'x')}}, &kRequestLineTooLong},
      {"large", with({{"x", std::string(600, 'x')}}), &kHeadersTooLarge},
      {"many", with({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}, {"e", ""}}), &kTooManyHeaders},
  };
}

class RefusedRequests : public ::testing::TestWithParam<Refused> {};
INSTANTIATE_TEST_SUITE_P(, RefusedRequests, ::testing::ValuesIn(refused_requests()),
                         [](const auto& param) { return param.param.name; });

TEST_P(RefusedRequests, are_told_why_and_the_next_one_is_served) {
  H2Limits limits;
  limits.head = {.line_bytes_max = 100, .header_bytes_max = 400, .headers_max = 4};
  H2Server server(limits);
  server.greet();
  server.send(frame(kHeaders, kEndStream | kEndHeaders, 1, list_of(GetParam().fields)) + get_frame(3));
  ASSERT_EQ(server.keeper.requests.size(), 2U);
  ASSERT_NE(server.keeper.requests[0]->refused, nullptr) << server.keeper.log();
  EXPECT_EQ(server.keeper.requests[0]->refused->code, GetParam().problem->code);
  server.answer(0, "why");
  EXPECT_EQ(server.keeper.requests[1]->log(), "head(GET /a) end");
  server.answer(1);
  EXPECT_EQ(server.wire.ending(), "");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Server, continuations_are_counted_however_they_are_cut) {
  for (size_t piece : {1, 4, 1000}) {
    for (int count : {8, 9}) {
      H2Limits limits;
      limits.continuations = 8;
      H2Server server(limits);
      server.greet();
      std::string bytes = frame(kHeaders, kEndStream, 1, list_of(kGetFields));
      for (int n = 1; n <= count; ++n) bytes += frame(kContinuation, n == count ? kEndHeaders : 0, 1, literal("a", "b"));
      for (size_t at = 0; at < bytes.size(); at += piece) server.send(bytes.substr(at, piece));
      EXPECT_EQ(server.keeper.requests.size(), count == 8 ? 1U : 0U) << piece;
      EXPECT_EQ(server.codec.abuse(), count == 8 ? std::nullopt : std::optional(H2Abuse::continuations)) << piece;
    }
  }
}

TEST(H2Server, heads_that_are_large_by_their_table_alone_are_refused_too) {
  H2Server server;
  server.greet();
  std::string entry = "\x40\x01x" + std::string("\x7f\x80\x1d") + std::string(127 + 3712, 'b');   // "x", and 3,839 bytes
  server.send(frame(kHeaders, kEndStream, 1, list_of(kGetFields) + entry) +
              frame(kContinuation, kEndHeaders, 1, std::string(12, '\xbe')) + get_frame(3));
  ASSERT_EQ(server.keeper.requests.size(), 2U);
  EXPECT_EQ(server.keeper.requests[0]->refused, &kHeadersTooLarge);
  EXPECT_EQ(server.keeper.requests[1]->log(), "head(GET /a) end");
  server.answer(0, "why");
  server.answer(1);
  EXPECT_FALSE(server.codec.abuse());
}

TEST(H2Server, trailers_are_held_to_the_rules_of_heads) {
  for (const char* name : {"X-Up", "connection", ":path", "content-length"}) {
    H2Server server;
    server.greet();
    server.send(frame(kHeaders, kEndHeaders, 1, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})) +
                frame(kData, 0, 1, "12") + frame(kHeaders, kEndHeaders | kEndStream, 1, literal(name, "1")) + get_frame(3));
    EXPECT_TRUE(server.keeper.requests[0]->refused) << name << ": " << server.keeper.requests[0]->log();
    EXPECT_EQ(server.keeper.requests[1]->log(), "head(GET /a) end");
    server.answer(0, "why");
    server.answer(1);
  }
}

TEST(H2Server, says_that_it_ignores_priorities_and_does) {
  H2Server server;
  EXPECT_NE(server.wire.take_sent().find(std::string("\0\x9\0\0\0\1", 6)), std::string::npos);   // SETTINGS_NO_RFC7540_PRIORITIES
  server.greet();
  auto on = [](char stream) { return std::string("\x80\0\0", 3) + stream + '\xff'; };   // exclusive, of the most weight
  constexpr uint8_t kHasPriority = 0x20;
  server.send(frame(kPriority, 0, 1, on(3)) + frame(kPriority, 0, 77, on(1)));   // of streams that nobody has opened
  server.send(frame(kHeaders, kEndStream | kEndHeaders | kHasPriority, 1, on(0) + list_of(kGetFields)));
  server.send(frame(kHeaders, kEndStream | kEndHeaders | kHasPriority, 3, on(99) + list_of(kGetFields)));
  server.send(frame(kPriority, 0, 1, on(3)) + frame(kPriority, 0, 3, on(1)) + get_frame(5));   // a circle
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end | head(GET /a) end | head(GET /a) end");
  for (size_t at : {2, 0, 1}) server.answer(at);
  server.send(frame(kPriority, 0, 1, on(5)) + get_frame(7));   // of one that is over
  EXPECT_EQ(server.keeper.requests.size(), 4U);
  server.answer(3);
  EXPECT_EQ(server.wire.ending(), "");
  server.send(frame(kHeaders, kEndStream | kEndHeaders | kHasPriority, 9, on(9) + list_of(kGetFields)));
  EXPECT_EQ(server.wire.ending(), "linger");   // on itself: nghttp2 takes it for a broken frame, as RFC 7540 did
}

TEST(H2Server, puts_cookies_together) {
  H2Server server;
  Texts fields = kGetFields;
  for (const char* cookie : {"a=1", "b=2", "c=3"}) fields.push_back({"cookie", cookie});
  server.greet();
  server.send(frame(kHeaders, kEndStream | kEndHeaders, 1, list_of(fields)));
  const Fields& read = server.keeper.requests[0]->head->fields;
  EXPECT_EQ(read.count(FieldId::cookie), 1U);
  EXPECT_EQ(read.get(FieldId::cookie), "a=1; b=2; c=3");
  server.answer(0);
}

TEST(H2Server, a_cookie_in_many_pieces_is_one_field) {
  H2Server server;
  Texts fields = kGetFields;
  std::string whole;
  for (int i = 0; i < 180; ++i) {   // as many as a browser keeps for one site
    std::string one = "c" + std::to_string(i) + "=1";
    fields.push_back({"cookie", one});
    whole += (i > 0 ? "; " : "") + one;
  }
  server.greet();
  server.send(frame(kHeaders, kEndStream | kEndHeaders, 1, list_of(fields)));
  ASSERT_EQ(server.keeper.log(), "head(GET /a) end");
  const Head& head = *server.keeper.requests[0]->head;
  EXPECT_EQ(head.fields.get(FieldId::cookie), whole);
  H2FieldWriter writer;
  size_t pieces = 0;
  std::string joined;
  for (const H2Field& field : writer.request(head, Scheme::http, true)) {
    if (field.name != "cookie") continue;
    joined.append(pieces++ > 0 ? "; " : "").append(field.value);
  }
  EXPECT_EQ(pieces, 32U);   // a server may count them
  EXPECT_EQ(joined, whole);
  server.answer(0);

  BlockPool pool;
  Arena arena(pool);
  Head response(arena);
  H2HeaderList told;
  told.add(":status", "200", H1Limits{});
  for (size_t i = 0; i < kCookiePiecesMax; ++i) told.add("cookie", "a", H1Limits{});
  EXPECT_TRUE(read_h2_response(told, Method::get, End::yes, arena, response));
  EXPECT_EQ(response.fields.size(), 1U);   // no more fields of a response either
  told.add("cookie", "a", H1Limits{});
  EXPECT_EQ(told.problem(), &kTooManyHeaders);

  H1Limits limits{.headers_max = 1};
  H2HeaderList list;
  for (int i = 0; i < 5; ++i) list.add("cookie", "a", limits);
  for (int i = 0; i < 5; ++i) list.add("x", "a", limits);
  EXPECT_EQ(list.problem(), nullptr);
  list.add("x", "a", limits);
  EXPECT_EQ(list.problem(), &kTooManyHeaders);
}

TEST(H2Server, a_large_head_leaves_no_memory_behind) {
  H1Limits limits;
  H2HeaderList list;
  for (int i = 0; i < 5; ++i) list.add("name", std::string(100, 'x'), limits);
  size_t usual = list.memory_bytes();
  list.clear();
  EXPECT_EQ(list.memory_bytes(), usual);
  for (size_t i = 0; i < limits.headers_max; ++i) list.add("name", std::string(200, 'x'), limits);
  EXPECT_EQ(list.problem(), nullptr);
  list.clear();
  EXPECT_LT(list.memory_bytes(), 100U);
}

TEST(H2Server, holds_bodies_against_their_length) {
  Texts post = {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/p"}, {"content-length", "3"}};
  std::string head = frame(kHeaders, kEndHeaders, 1, list_of(post));
  struct Case {
    std::string bytes, log;
  };
  const Case cases[] = {
      {frame(kData, kEndStream, 1, "123"), "head(POST /p) body(123) end"},
      {frame(kData, kEndStream, 1, "12"), "head(POST /p) body(12) refused(incomplete_body)"},
      {frame(kData, 0, 1, "1234"), "head(POST /p) refused(bad_content_length)"},
      {frame(kData, 0, 1, "12") + frame(kHeaders, kEndStream | kEndHeaders, 1, list_of({{"x", "1"}})),
       "head(POST /p) body(12) refused(incomplete_body)"},
      {frame(kData, 0, 1, "123") + frame(kHeaders, kEndStream | kEndHeaders, 1, list_of({{"x", "1"}})),
       "head(POST /p) body(123) trailers(x=1) end"},
      {frame(kData, 0, 1, "123") + frame(kHeaders, kEndHeaders, 1, list_of({{"x", "1"}})),
       "head(POST /p) body(123) refused(bad_field)"},
      {frame(kData, 0, 1, "123") + frame(kHeaders, kEndStream | kEndHeaders, 1, list_of({{":path", "/"}})),
       "head(POST /p) body(123) refused(bad_pseudo_field)"},
      {frame(kData, 0, 1, "123") + frame(kHeaders, kEndStream | kEndHeaders, 1, list_of({{"host", "b"}})),
       "head(POST /p) body(123) refused(bad_trailer)"},
  };
  for (const Case& one : cases) {
    H2Server server;
    server.greet();
    server.send(head + one.bytes);
    EXPECT_EQ(server.keeper.log(), one.log);
    server.wire.take_sent();
    server.answer(0, "");
    EXPECT_EQ(server.codec.streams(), 0U) << one.log;
    EXPECT_EQ(server.wire.ending(), "");
  }
}

TEST(H2Server, an_answer_before_the_end_of_the_body_asks_for_no_more_of_it) {
  H2Server server;
  server.greet();
  server.send(frame(kHeaders, kEndHeaders, 1, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})));
  server.wire.take_sent();
  server.answer(0);
  EXPECT_EQ(frame_types(server.wire.take_sent()), "1 0 3(0)");
  server.send(frame(kData, 0, 1, "late"));
  EXPECT_EQ(server.wire.ending(), "");
}

TEST(H2Server, tells_of_a_reset_and_counts_its_bytes_as_received) {
  H2Server server;
  server.greet();
  uint32_t id = 1;
  for (int i = 0; i < 40; ++i, id += 2) {   // 40 x 48 KiB is more than the connection's window
    server.send(frame(kHeaders, kEndHeaders, id, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})));
    for (int part = 0; part < 3; ++part) server.send(frame(kData, 0, id, std::string(16 * 1024, 'x')));
    server.send(frame(kReset, 0, id, std::string("\0\0\0\x8", 4)));
    EXPECT_EQ(server.keeper.requests.back()->log(), "head(POST /) body(49152 bytes) reset(reset)");
  }
  EXPECT_EQ(server.wire.ending(), "");
}

TEST(H2Server, a_stream_may_send_what_is_consumed_and_no_more) {
  H2Server server;
  server.greet();
  server.send(frame(kHeaders, kEndHeaders, 1, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})));
  for (int part = 0; part < 3; ++part) server.send(frame(kData, 0, 1, std::string(16 * 1024, 'x')));
  server.wire.take_sent();
  server.keeper.requests[0]->consume_all(*server.keeper.streams[0]);
  EXPECT_EQ(frame_types(server.wire.take_sent()), "8");
  for (int part = 0; part < 4; ++part) server.send(frame(kData, 0, 1, std::string(16 * 1024 - 1, 'x')));
  EXPECT_EQ(server.keeper.requests[0]->reset, std::nullopt);
  server.send(frame(kData, 0, 1, std::string(16 * 1024, 'x')));
  EXPECT_NE(server.keeper.requests[0]->reset, std::nullopt);   // FLOW_CONTROL_ERROR
}

TEST(H2Server, credit_is_the_smallest_of_windows_and_room) {
  H2Server server;
  server.greet();
  server.send(frame(kSettings, 0, 0, std::string("\0\4\0\0\0\x0a", 6)) + get_frame(1));   // windows of 10 bytes
  Stream& stream = *server.keeper.streams[0];
  stream.send_head(server.make_head(0, 200), End::no);
  EXPECT_EQ(stream.credit(), 10U);
  stream.send_body(chain_of(server.pool, "0123456789"), End::no);
  EXPECT_EQ(stream.credit(), 0U);
  EXPECT_EQ(server.keeper.requests[0]->credits, 0);
  server.send(frame(kWindow, 0, 1, std::string("\0\0\0\x05", 4)));
  EXPECT_EQ(server.keeper.requests[0]->credits, 1);
  EXPECT_EQ(stream.credit(), 5U);
  server.wire.room = 3;
  EXPECT_EQ(stream.credit(), 3U);
  server.wire.room = 0;
  EXPECT_EQ(stream.credit(), 0U);
  server.wire.room = 1000;
  server.codec.on_room();
  EXPECT_EQ(server.keeper.requests[0]->credits, 2);
  stream.send_body(chain_of(server.pool, "01234"), End::yes);
  stream.detach();
  EXPECT_EQ(server.codec.streams(), 0U);
}

/// A request whose response has filled its window of 5 bytes. `flags` of its head.
struct FilledWindow : H2Server {
  explicit FilledWindow(uint8_t flags = kEndStream | kEndHeaders, std::string_view body = "hello") {
    greet();
    send(frame(kSettings, 0, 0, std::string("\0\4\0\0\0\5", 6)) + frame(kHeaders, flags, 1, list_of(kGetFields)));
    stream().send_head(make_head(0, 200), End::no);
    stream().send_body(chain_of(pool, body), End::no);
    EXPECT_TRUE(frame_types(wire.take_sent()).ends_with("1 0"));
  }
  Stream& stream() { return *keeper.streams[0]; }
  void end_with_trailers() {
    Fields trailers(keeper.requests[0]->arena());
    trailers.add("grpc-status", "0");
    stream().send_trailers(trailers);
    stream().detach();
    keeper.requests.clear();   // and with them what the trailers lie in
  }
  void end_empty() {
    stream().send_body({}, End::yes);
    stream().detach();
  }
  void open_window() { send(frame(kWindow, 0, 1, std::string("\0\0\0\5", 4))); }
};

TEST(H2Server, trailers_need_no_window) {
  FilledWindow server;
  server.end_with_trailers();
  EXPECT_EQ(frame_types(server.wire.sent), "1");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Server, trailers_follow_what_a_window_holds_back) {
  FilledWindow server(kEndStream | kEndHeaders, "hello you");
  server.end_with_trailers();
  EXPECT_EQ(frame_types(server.wire.sent), "");
  server.open_window();
  EXPECT_EQ(frame_types(server.wire.sent), "0 1");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Server, an_end_waits_for_its_window_when_its_receiver_is_gone) {
  FilledWindow server;
  server.end_empty();
  EXPECT_EQ(frame_types(server.wire.sent), "");
  EXPECT_EQ(server.codec.streams(), 1U);
  server.open_window();
  EXPECT_EQ(frame_types(server.wire.sent), "0");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Server, asks_for_no_more_of_the_body_behind_the_end_only) {
  FilledWindow server(kEndHeaders);
  server.end_empty();
  EXPECT_EQ(frame_types(server.wire.sent), "");
  server.open_window();
  EXPECT_EQ(frame_types(server.wire.sent), "0 3(0)");
  EXPECT_EQ(server.codec.streams(), 0U);
}

/// A request of five bytes, and an answer; the end of the request's stream is still to come.
struct EndMissing : H2Server {
  explicit EndMissing(std::string_view body) {
    greet();
    send(frame(kHeaders, kEndHeaders, 1,
               list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"content-length", "5"}})) +
         frame(kData, 0, 1, body));
    wire.take_sent();
    answer(0);
  }
};

// Some clients fall over a reset when they send their END_STREAM in a frame of its own.
TEST(H2Server, awaits_the_end_of_a_request_whose_length_has_come) {
  EndMissing server("12345");
  EXPECT_EQ(frame_types(server.wire.take_sent()), "1 0");
  server.send(frame(kData, kEndStream, 1, ""));
  EXPECT_EQ(frame_types(server.wire.take_sent()), "");
  EXPECT_EQ(server.codec.streams(), 0U);

  EndMissing shorter("1234");   // more of it would follow: nobody wants it
  EXPECT_EQ(frame_types(shorter.wire.take_sent()), "1 0 3(0)");
  EXPECT_EQ(shorter.codec.streams(), 0U);
}

TEST(H2Server, awaits_it_from_the_end_of_the_response_on) {
  H2Server server;
  server.greet();
  server.send(frame(kHeaders, kEndHeaders, 1,
                    list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"content-length", "5"}})) +
              frame(kData, 0, 1, "12345"));
  server.answer(0, std::string(65'536, 'x'));   // a byte more than the window takes
  server.wire.take_sent();
  auto wait = [&] {
    server.wire.time += std::chrono::seconds(5);
    server.codec.on_timeout(Phase::streams);
    return frame_types(server.wire.take_sent());
  };
  EXPECT_EQ(wait(), "");
  server.send(frame(kWindow, 0, 0, std::string("\0\0\0\1", 4)) + frame(kWindow, 0, 1, std::string("\0\0\0\1", 4)));
  EXPECT_EQ(frame_types(server.wire.take_sent()), "0");
  EXPECT_EQ(wait(), "3(0)");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Server, awaits_the_end_of_a_request_for_a_moment) {
  EndMissing server("12345");
  server.wire.take_sent();
  server.wire.time += std::chrono::seconds(4);
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(frame_types(server.wire.take_sent()), "");
  server.wire.time += std::chrono::seconds(1);
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(frame_types(server.wire.take_sent()), "3(0)");
  EXPECT_EQ(server.codec.streams(), 0U);

  EndMissing leaving("12345");
  leaving.wire.take_sent();
  leaving.codec.drain();
  leaving.codec.on_timeout(Phase::last);
  EXPECT_EQ(leaving.codec.streams(), 0U);
}

TEST(H2Server, an_end_that_waits_too_long_costs_the_stream) {
  for (std::string_view body : {"hello", "hello you"}) {
    FilledWindow server(kEndStream | kEndHeaders, body);
    server.end_empty();
    server.wire.time += server.limits.write_patience / 2;
    server.codec.on_timeout(Phase::streams);
    EXPECT_EQ(frame_types(server.wire.sent), "");
    server.wire.time += server.limits.write_patience / 2;
    server.codec.on_timeout(Phase::streams);
    EXPECT_EQ(frame_types(server.wire.sent), "3(8)");
    EXPECT_EQ(server.codec.streams(), 0U);
  }
}

TEST(H2Server, heads_without_a_body_end_the_stream) {
  for (uint16_t status : {204, 304}) {
    H2Server server;
    server.greet();
    server.send(get_frame(1));
    server.wire.take_sent();
    server.keeper.streams[0]->send_head(server.make_head(0, status, 5), End::no);
    EXPECT_GT(server.keeper.streams[0]->credit(), 0U);
    server.keeper.streams[0]->send_body(chain_of(server.pool, "12345"), End::yes);
    server.keeper.streams[0]->detach();
    EXPECT_EQ(frame_types(server.wire.take_sent()), "1");
    EXPECT_EQ(server.codec.streams(), 0U);
  }
}

struct Abuse {
  std::string name;
  std::string bytes;
  H2Abuse what;
};
std::vector<Abuse> abuses() {
  auto times = [](int count, const std::string& text) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  std::string resets, many;
  for (uint32_t id = 1; id < 1010; id += 2) {
    resets += get_frame(id) + frame(kReset, 0, id, std::string("\0\0\0\x8", 4));
  }
  // Not read in one piece: our SETTINGS, which would end the connection, are not acknowledged.
  for (uint32_t id = 1; id < 1500; id += 2) many += get_frame(id);   // above the allowed ones: refused, which is a reset too
  std::string bomb = frame(kHeaders, 0, 1, list_of(kGetFields) + "\x40\x01x" + "\x7f\x80\x1d" + std::string(127 + 3712, 'b'));
  std::string post = frame(kHeaders, kEndHeaders, 1, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}));
  return {
      {"resets", resets, H2Abuse::resets},
      {"more_streams_than_allowed", many, H2Abuse::resets},
      {"pings", times(1001, frame(kPing, 0, 0, "12345678")), H2Abuse::pings},
      {"answers_to_pings", times(10'001, frame(kPing, 1, 0, "12345678")), H2Abuse::control_frames},
      {"settings", times(101, frame(kSettings, 0, 0, "")), H2Abuse::settings},
      {"empty_data", post + times(1001, frame(kData, 0, 1, "")), H2Abuse::empty_frames},
      {"priorities", times(10'001, frame(kPriority, 0, 3, std::string("\0\0\0\1\1", 5))), H2Abuse::control_frames},
      {"window_updates", times(10'001, frame(kWindow, 0, 0, std::string("\0\0\0\1", 4))), H2Abuse::control_frames},
      {"continuations", frame(kHeaders, 0, 1, list_of(kGetFields)) + times(20, frame(kContinuation, 0, 1, literal("a", "b"))),
       H2Abuse::continuations},
      {"continuations_that_are_not_decoded",   // or the connection would end with COMPRESSION_ERROR
       frame(kHeaders, 0, 1, list_of(kGetFields)) + times(20, frame(kContinuation, 0, 1, "\xff\xff\xff")), H2Abuse::continuations},
      {"hpack_bomb", bomb + frame(kContinuation, kEndHeaders, 1, std::string(2000, '\xbe')), H2Abuse::header_bytes},
  };
}

class Abuses : public ::testing::TestWithParam<Abuse> {};
INSTANTIATE_TEST_SUITE_P(, Abuses, ::testing::ValuesIn(abuses()), [](const auto& param) { return param.param.name; });

TEST_P(Abuses, end_with_enhance_your_calm) {
  for (size_t step : {size_t{0}, size_t{16} * 1024}) {
    H2Server server;
    server.greet();
    server.send(GetParam().bytes, step);
    ASSERT_TRUE(server.codec.abuse()) << frame_types(server.wire.sent);
    EXPECT_EQ(*server.codec.abuse(), GetParam().what);
    EXPECT_TRUE(frame_types(server.wire.sent).ends_with(code(kCalm)));
    EXPECT_EQ(server.wire.ending(), "dismiss");
    for (const auto& request : server.keeper.requests) EXPECT_TRUE(request->reset || request->refused);
  }
}

/// gives: how many streams it took until the connection was ended; each is answered
size_t streams_with(const Texts& fields, uint8_t type, uint8_t flags, std::string_view payload) {
  H2Server server;
  server.greet();
  uint32_t id = 1;
  for (; id < 1400 && !server.codec.abuse(); id += 2) {
    server.send(frame(kHeaders, kEndHeaders, id, list_of(fields)) + frame(type, flags, id, payload));
    server.answer(id / 2, "");
  }
  EXPECT_EQ(server.codec.abuse().value_or(H2Abuse::resets), H2Abuse::resets);
  return id / 2;
}

TEST(H2Server, counts_requests_that_are_not_as_announced) {
  Texts post = {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"content-length", "1"}};
  size_t most = H2Limits{}.resets + 1;
  EXPECT_EQ(streams_with(post, kData, 0, "12"), most);
  EXPECT_EQ(streams_with(post, kData, kEndStream, ""), most);
  EXPECT_EQ(streams_with(post, kHeaders, kEndHeaders, literal("x", "1")), most);
  EXPECT_EQ(streams_with(post, kHeaders, kEndHeaders | kEndStream, literal("host", "b")), most);
  EXPECT_EQ(streams_with(post, kWindow, 0, "\x7f\xff\xff\xff"), most);   // a window that overflows (CVE-2025-8671)
  EXPECT_EQ(streams_with(post, kData, kEndStream, "1"), 700U);
  post[3].second = "/../a";   // refused before anything was begun for it
  EXPECT_EQ(streams_with(post, kData, kEndStream, "1"), 700U);
}

/// A body for whom a window is opened, of stream 1 of a client that opens them in crumbs.
struct Crumbs : H2Server {
  Crumbs() {
    greet();
    send(frame(kSettings, 0, 0, std::string("\0\4\0\0\0\0", 6)) + get_frame(1));   // windows of nothing
    stream().send_head(make_head(0, 200), End::no);
    EXPECT_EQ(stream().credit(), 0U);
  }
  Stream& stream() { return *keeper.streams[0]; }
  /// A window of `bytes`, of which `used` are sent.
  void open(uint8_t bytes, size_t used) {
    send(frame(kWindow, 0, 1, std::string("\0\0\0", 3) + static_cast<char>(bytes)));
    if (codec.abuse()) return;
    EXPECT_GE(stream().credit(), used);
    stream().send_body(chain_of(pool, std::string(used, 'x')), End::no);
    stream().credit();
    wire.take_sent();
  }
};

TEST(H2Server, windows_opened_in_crumbs_are_an_abuse) {   // CVE-2019-9511
  Crumbs server;
  for (int i = 0; i < 20'000 && !server.codec.abuse(); ++i) server.open(1, 1);
  EXPECT_EQ(server.codec.abuse(), H2Abuse::control_frames);
  EXPECT_EQ(server.wire.ending(), "dismiss");
  Crumbs small;   // pieces that leave the window open are as small as the body is
  small.open(100, 1);
  for (int i = 0; i < 20'000; ++i) small.open(1, 1);
  EXPECT_FALSE(small.codec.abuse());
}

TEST(H2Server, crumbs_do_not_keep_a_stream) {
  for (size_t used : {9, 10}) {
    Crumbs server;
    for (int i = 0; i < 12; ++i) {
      server.wire.time += server.limits.write_patience / 10;
      server.codec.on_timeout(Phase::streams);
      if (server.keeper.requests[0]->reset) break;
      server.open(10, used);
    }
    EXPECT_EQ(server.keeper.log(), used == 10 ? "head(GET /a) end reset(stalled)" : "head(GET /a) end");
  }
}

TEST(H2Server, heads_without_a_byte_are_counted) {
  H2Server server;
  server.greet();
  uint32_t id = 1;
  for (; id < 4000 && !server.codec.abuse(); id += 2) {
    server.send(frame(kHeaders, kEndHeaders | kEndStream, id, ""));
    if (!server.codec.abuse()) server.answer(id / 2, "no");
  }
  EXPECT_EQ(server.codec.abuse(), H2Abuse::empty_frames);
  EXPECT_EQ(id / 2, H2Limits{}.empty_frames + 1);
}

// Calls that nobody answers before their deadline: as many at a time as may be.
TEST(H2Server, resets_of_what_was_asked_for_a_while_ago_are_not_rapid) {
  for (Duration patience : {kH2RapidWithin, kH2RapidWithin - std::chrono::milliseconds(1)}) {
    H2Server server;
    server.greet();
    std::string cancels;
    for (uint32_t id = 1; id < 1200 && !server.codec.abuse(); id += 2) {
      server.send(get_frame(id));
      cancels += frame(kReset, 0, id, std::string("\0\0\0\x8", 4));
      if (id % 200 != 199) continue;
      server.wire.time += patience;
      server.send(cancels);
      cancels.clear();
    }
    EXPECT_EQ(server.codec.abuse().has_value(), patience < kH2RapidWithin);
    EXPECT_TRUE(server.codec.abuse() || server.keeper.requests.size() == 600);
  }
}

TEST(H2Server, counts_anew_after_a_while) {
  H2Server server;
  server.greet();
  for (int span = 0; span < 3; ++span) {
    for (int i = 0; i < 990; ++i) server.send(frame(kPing, 0, 0, "12345678"));
    server.wire.time += kH2CountedSpan;
  }
  EXPECT_FALSE(server.codec.abuse());
  EXPECT_EQ(server.wire.ending(), "");
}

/// A body of pieces of `piece` bytes, for each of which the client says `said`; then it goes on saying it without any.
struct Paid : H2Server {
  Paid(size_t piece, const std::string& said) {
    greet();
    send(frame(kSettings, 0, 0, std::string("\0\4\x3f\xff\xff\xff", 6)) + frame(kWindow, 0, 0, "\x3f\xff\xff\xff") + get_frame(1));
    Stream& stream = *keeper.streams[0];
    stream.send_head(make_head(0, 200), End::no);
    for (; pieces < 3000 && !codec.abuse(); ++pieces) {
      stream.send_body(chain_of(pool, std::string(piece, 'x')), End::no);
      send(said);
      wire.take_sent();
    }
    for (int i = 0; i < 11'000 && !codec.abuse(); ++i) send(said);
  }
  int pieces = 0;
};

TEST(H2Server, a_body_pays_for_pings_and_windows) {
  Paid pings(5, frame(kPing, 0, 0, "12345678"));   // as clients of gRPC measure the connection
  EXPECT_EQ(pings.pieces, 3000);
  EXPECT_EQ(pings.codec.abuse(), H2Abuse::pings);
  std::string window = frame(kWindow, 0, 0, std::string("\0\0\x10\0", 4)) + frame(kWindow, 0, 1, std::string("\0\0\x10\0", 4));
  Paid windows(16'384, window + window + window + window);   // as Go's client opens them when it is read by 4 KiB
  EXPECT_EQ(windows.pieces, 3000);
  EXPECT_EQ(windows.codec.abuse(), H2Abuse::control_frames);
}

TEST(H2Server, reads_nothing_more_from_a_client_that_reads_nothing) {
  H2Limits limits;
  limits.pings = 1'000'000;
  H2Server server(limits);
  server.wire.kernel_takes = false;
  server.greet();
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += frame(kPing, 0, 0, "12345678");
  for (int i = 0; i < 100 && !server.wire.paused; ++i) server.send(pings);
  EXPECT_TRUE(server.wire.paused);
  EXPECT_LT(server.wire.total, 2 * kH2QueuedMax);
  server.wire.kernel_takes = true;
  server.codec.on_room();
  EXPECT_FALSE(server.wire.paused);
}

TEST(H2Server, late_bodies_and_closed_windows_cost_the_stream) {
  H2Server server;
  server.greet();
  server.send(frame(kSettings, 0, 0, std::string("\0\4\0\0\0\0", 6)));   // windows of nothing
  server.send(get_frame(1) + frame(kHeaders, kEndHeaders, 3, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})));
  server.keeper.streams[0]->send_head(server.make_head(0, 200), End::no);
  EXPECT_EQ(server.keeper.streams[0]->credit(), 0U);
  server.wire.time += server.limits.body_patience / 2;
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end | head(POST /)");
  EXPECT_EQ(server.wire.phase, Phase::streams);
  server.wire.time += server.limits.body_patience / 2;
  server.wire.take_sent();
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end reset(stalled) | head(POST /) refused(request_timeout)");
  EXPECT_EQ(frame_types(server.wire.take_sent()), "3(8)");
  EXPECT_EQ(server.wire.ending(), "");
}

TEST(H2Server, many_closed_windows_are_an_abuse) {
  H2Server server;
  server.greet();
  server.send(frame(kSettings, 0, 0, std::string("\0\4\0\0\0\0", 6)));
  for (uint32_t id = 1; id < 40; id += 2) {
    server.send(get_frame(id));
    server.keeper.streams.back()->send_head(server.make_head(id / 2, 200), End::no);
    EXPECT_EQ(server.keeper.streams.back()->credit(), 0U);
  }
  server.wire.time += server.limits.write_patience;
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(server.codec.abuse(), H2Abuse::stalls);
  for (const auto& request : server.keeper.requests) EXPECT_TRUE(request->reset);
}

TEST(H2Server, a_head_that_does_not_end) {
  H2Server server;
  server.greet();
  server.send(frame(kHeaders, 0, 1, list_of(kGetFields)));
  EXPECT_EQ(server.wire.phase, Phase::head);
  server.codec.on_timeout(Phase::head);
  EXPECT_EQ(server.codec.abuse(), H2Abuse::slow_head);
  EXPECT_EQ(server.wire.ending(), "dismiss");
}

TEST(H2Server, who_takes_no_bytes_abuses_it_who_is_lost_does_not) {
  for (Code code : {Code::stalled, Code::timeout, Code::reset}) {
    H2Server server;
    server.greet();
    server.send(get_frame(1));
    server.codec.on_failed({code, Side::gateway, Progress::sent, "gone"});
    EXPECT_EQ(server.codec.abuse() == H2Abuse::slow_read, code == Code::stalled) << code_name(code);
    EXPECT_TRUE(server.keeper.requests[0]->reset);
  }
}

TEST(H2Server, broken_bytes_end_the_connection) {
  const std::string cases[] = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      std::string(kPreface) + frame(kPing, 0, 0, "12345678"),   // SETTINGS come first
      std::string(kPreface) + frame(kSettings, 0, 0, "") + frame(kPing, 0, 0, "1"),
      std::string(kPreface) + frame(kSettings, 0, 0, "") + frame(kData, 0, 0, "1"),
      std::string(kPreface) + frame(kSettings, 0, 0, "") + frame(kHeaders, 5, 1, "\xff\xff\xff\xff\xff\xff"),
      std::string(kPreface) + frame(kSettings, 0, 0, "") + frame(kHeaders, 5, 2, list_of(kGetFields)),
      std::string(kPreface) + frame(kSettings, 0, 0, "") + frame(kSettings, 1, 0, "") + frame(kSettings, 1, 0, ""),   // one was asked for
  };
  for (const std::string& bytes : cases) {
    H2Server server;
    server.send(bytes);
    EXPECT_NE(server.wire.ending(), "") << bytes;
    EXPECT_FALSE(server.codec.abuse());
  }
}

TEST(H2Server, drains_in_two_steps) {
  H2Server server;
  server.greet();
  server.send(get_frame(1));
  server.wire.take_sent();
  server.codec.drain();
  EXPECT_EQ(frame_types(server.wire.take_sent()), code(0));
  EXPECT_EQ(server.wire.phase, Phase::last);
  server.send(get_frame(3));   // it was on its way
  EXPECT_EQ(server.keeper.requests.size(), 2U);
  server.codec.on_timeout(Phase::last);
  EXPECT_EQ(frame_types(server.wire.take_sent()), code(0));
  server.send(get_frame(5));
  EXPECT_EQ(server.keeper.requests.size(), 2U);
  server.answer(0);
  EXPECT_EQ(server.wire.ending(), "");
  server.answer(1);
  EXPECT_EQ(server.wire.ending(), "flush");
}

TEST(H2Server, an_idle_connection_is_told_goodbye) {
  H2Server server;
  server.greet();
  server.wire.take_sent();
  server.codec.on_timeout(Phase::idle);
  EXPECT_EQ(frame_types(server.wire.take_sent()), code(0));
  EXPECT_EQ(server.wire.ending(), "flush");
}

TEST(H2Server, a_client_that_closes_cancels_what_is_not_answered) {
  for (bool says_goodbye : {false, true}) {
    H2Server server;
    server.greet();
    server.send(get_frame(1) + get_frame(3));
    server.send(frame(kHeaders, kEndHeaders, 5, list_of({{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}})));
    if (says_goodbye) server.send(frame(kGoaway, 0, 0, std::string(8, '\0')));
    server.keeper.streams[1]->send_head(server.make_head(1, 200), End::no);
    server.wire.take_sent();
    server.answer(0);
    server.codec.on_eof();
    EXPECT_EQ(server.keeper.log(), "head(GET /a) end | head(GET /a) end reset(reset) | head(POST /) reset(reset)");
    EXPECT_EQ(server.keeper.requests[1]->reset->side, Side::client);
    EXPECT_EQ(frame_types(server.wire.sent), "1 0 " + code(0));   // what was answered still leaves
    EXPECT_EQ(server.wire.ending(), "flush");
  }
}

TEST(H2Server, a_client_that_closes_opens_no_window_for_an_end) {
  FilledWindow server;
  server.end_empty();
  server.codec.on_eof();
  EXPECT_EQ(server.wire.ending(), "flush");
}

TEST(H2Server, everybody_hears_of_a_lost_connection) {
  H2Server server;
  server.greet();
  server.send(get_frame(1) + get_frame(3));
  server.codec.on_failed({Code::reset, Side::gateway, Progress::sent, "gone"});
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end reset(reset) | head(GET /a) end reset(reset)");
  EXPECT_EQ(server.keeper.requests[0]->reset->side, Side::client);
  EXPECT_EQ(server.wire.ending(), "abort");
}

TEST(H2Pair, carries_bodies_trailers_and_interim_responses_both_ways) {
  H2Pair pair;
  auto& request = pair.ask(Method::post, "/p", End::no, {{"X-Name", "v"}, {"Cookie", "a=1; b=2"}}, 5);
  request.stream->send_body(chain_of(pair.pool, "12345"), End::no);
  Fields sums(request.events.arena());
  sums.add("X-Sum", "7");
  request.stream->send_trailers(sums);
  pair.settle();
  EXPECT_EQ(pair.keeper.log(), "head(POST /p) body(12345) trailers(x-sum=7) end");
  const Head& head = *pair.keeper.requests[0]->head;
  EXPECT_EQ(head.fields.get("x-name"), "v");
  EXPECT_EQ(head.fields.get(FieldId::cookie), "a=1; b=2");
  EXPECT_EQ(head.content_length, 5U);
  Stream& answer = *pair.keeper.streams[0];
  answer.send_informational(pair.make_head(0, 103));
  answer.send_head(pair.make_head(0, 200), End::no);
  answer.send_body(chain_of(pair.pool, "abc"), End::no);
  Fields trailers(pair.keeper.requests[0]->arena());
  trailers.add("grpc-status", "0");
  answer.send_trailers(trailers);
  answer.detach();
  pair.settle();
  EXPECT_EQ(request.events.log(), "interim(103) head(200) body(abc) trailers(grpc-status=0) end");
  request.stream->detach();
  EXPECT_EQ(pair.client.streams() + pair.codec.streams(), 0U);
  EXPECT_EQ(pair.client_wire.phase, Phase::idle);
}

TEST(H2Pair, trailers_outlive_their_owner_while_the_body_waits) {
  H2Pair pair;
  auto& request = pair.ask(Method::get, "/p", End::yes);
  Stream& answer = *pair.keeper.streams[0];
  answer.send_head(pair.make_head(0, 200), End::no);
  answer.send_body(chain_of(pair.pool, std::string(kH2StreamWindow + 10, 'x')), End::no);
  Fields trailers(pair.keeper.requests[0]->arena());
  trailers.add("grpc-status", "0");
  answer.send_trailers(trailers);
  answer.detach();
  pair.keeper.requests.clear();
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(200) body(65535 bytes)");
  request.events.consume_all(*request.stream);
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(200) body(65535 bytes) body(65545 bytes) trailers(grpc-status=0) end");
  request.stream->detach();
  EXPECT_EQ(pair.client.streams() + pair.codec.streams(), 0U);
}

TEST(H2Pair, moves_a_large_body_by_credit_alone) {
  H2Pair pair;
  auto& request = pair.ask(Method::put, "/p", End::no);
  constexpr size_t kTotal = 3 * 1024 * 1024;
  std::string piece(100'000, 'y');
  size_t sent = 0;
  for (int turn = 0; sent < kTotal && turn < 10'000; ++turn) {
    size_t part = std::min({request.stream->credit(), piece.size(), kTotal - sent});
    request.stream->send_body(chain_of(pair.pool, piece.substr(0, part)), End::no);
    sent += part;
    pair.settle();
    pair.codec.on_room();
    pair.client.on_room();
    EXPECT_LE(pair.keeper.requests[0]->unconsumed, kH2StreamWindow);
    if (request.stream->credit() == 0) pair.keeper.requests[0]->consume_all(*pair.keeper.streams[0]);
    pair.settle();
  }
  request.stream->send_body({}, End::yes);
  pair.settle();
  EXPECT_EQ(pair.keeper.requests[0]->body.size(), kTotal);
  EXPECT_TRUE(pair.keeper.requests[0]->over());
  pair.answer(0);
  pair.settle();
  request.stream->detach();
}

TEST(H2Pair, resets_reach_the_other_side) {
  H2Pair pair;
  auto& one = pair.ask(Method::get, "/1", End::yes);
  one.stream->detach();
  pair.settle();
  EXPECT_EQ(pair.keeper.log(), "head(GET /1) end reset(reset)");
  auto& two = pair.ask(Method::get, "/2", End::yes);
  pair.keeper.streams[1]->reset({Code::closed, Side::upstream, Progress::answered, "upstream died"});
  pair.settle();
  EXPECT_EQ(two.events.log(), "reset(truncated)");
  EXPECT_EQ(two.events.reset->side, Side::upstream);
  EXPECT_EQ(pair.client.streams() + pair.codec.streams(), 0U);
}

TEST(H2Pair, what_a_leaving_server_did_not_take_may_be_sent_elsewhere) {
  H2Pair pair;
  auto& taken = pair.ask(Method::get, "/1", End::yes);
  EXPECT_EQ(pair.keeper.requests.size(), 1U);
  pair.codec.drain();
  pair.codec.on_timeout(Phase::last);
  auto late = std::make_unique<H2Pair::Request>(pair.pool);
  late->stream = &pair.client.open(late->events);
  Head head(late->events.arena());
  head.method = Method::get;
  head.authority = "a";
  head.path = "/2";
  late->stream->send_head(head, End::yes);
  pair.settle();
  EXPECT_EQ(late->events.log(), "reset(not_taken)");
  EXPECT_EQ(late->events.reset->progress, Progress::unsent);
  EXPECT_FALSE(pair.client.has_room());
  pair.answer(0);
  pair.settle();
  EXPECT_EQ(taken.events.log(), "head(200) body(ok) end");
  taken.stream->detach();
  EXPECT_EQ(pair.client_wire.ending(), "flush");
}

TEST(H2Client, leaves_out_what_is_no_trailer) {
  const std::pair<Texts, std::string> cases[] = {
      {{{"www-authenticate", "Basic"}, {"grpc-status", "16"}, {"content-type", "application/grpc"}}, "head(200) trailers(grpc-status=16) end"},
      {{{"retry-after", "3"}}, "head(200) end"},
      {{{"content-length", "0"}, {"x", "1"}}, "head(200) reset(bad_message)"},
  };
  for (const auto& [trailers, log] : cases) {
    H2Pair pair;
    auto& one = pair.ask(Method::get, "/1", End::yes);
    feed(pair.client, pair.client_wire, frame(kHeaders, kEndHeaders, 1, list_of({{":status", "200"}})) +
                                            frame(kHeaders, kEndHeaders | kEndStream, 1, list_of(trailers)));
    EXPECT_EQ(one.events.log(), log);
    one.stream->detach();
    pair.settle();
  }
}

// The stream is left to the server, to end it: a reset for each could look like abuse. But not for ever, or when all ends.
TEST(H2Client, an_answer_without_a_body_is_whole_at_its_head) {
  for (int status : {200, 204, 304}) {
    for (std::string_view then : {"ends", "sends and ends", "resets", "says nothing", "says nothing, drained"}) {
      H2Pair pair;
      auto& one = pair.ask(status == 200 ? Method::head : Method::get, "/1", End::yes);
      feed(pair.client, pair.client_wire, frame(kHeaders, kEndHeaders, 1, list_of({{":status", std::to_string(status)}})));
      EXPECT_EQ(one.events.log(), "head(" + std::to_string(status) + ") end");
      one.stream->detach();
      pair.client_wire.take_sent();
      EXPECT_EQ(pair.client.streams(), 1U);
      if (then == "ends") feed(pair.client, pair.client_wire, frame(kData, kEndStream, 1, ""));
      if (then == "sends and ends") {
        feed(pair.client, pair.client_wire, frame(kData, 0, 1, "abc") + frame(kHeaders, kEndHeaders | kEndStream, 1, list_of({{"x", "1"}})));
      }
      if (then == "resets") feed(pair.client, pair.client_wire, frame(kReset, 0, 1, std::string("\0\0\0\2", 4)));
      bool silent = then.starts_with("says nothing");
      if (silent && then.ends_with("drained")) pair.client.drain();
      if (silent) {
        EXPECT_EQ(pair.client_wire.phase, Phase::streams);
        pair.client.on_timeout(Phase::streams);
        EXPECT_EQ(pair.client.streams(), then.ends_with("drained") ? 0U : 1U);
        pair.client_wire.time += std::chrono::seconds(5);
        pair.client.on_timeout(Phase::streams);
      }
      EXPECT_EQ(frame_types(pair.client_wire.take_sent()), !silent ? "" : then.ends_with("drained") ? "3(8) 7(0)" : "3(8)") << then;
      EXPECT_EQ(pair.client.streams(), 0U) << then;
    }
  }
}

TEST(H2Client, only_some_streams_are_left_to_a_slow_server) {
  H2Pair pair;
  for (int n = 0; n < 20; ++n) {
    auto& one = pair.ask(Method::head, "/", End::yes);
    feed(pair.client, pair.client_wire, frame(kHeaders, kEndHeaders, 2 * n + 1, list_of({{":status", "200"}})));
    EXPECT_EQ(one.events.log(), "head(200) end");
    one.stream->detach();
    EXPECT_LE(pair.client.streams(), 8U);
  }
}

TEST(H2Client, an_answer_without_a_body_ends_a_request_that_waits_for_a_window) {
  H2Pair pair;
  auto& one = pair.ask(Method::post, "/1", End::no);
  Chain body;
  body.append_copy(pair.pool, std::string(65'535 + 1, 'x'));
  one.stream->send_body(std::move(body), End::yes);
  feed(pair.client, pair.client_wire, frame(kHeaders, kEndHeaders, 1, list_of({{":status", "204"}})));
  EXPECT_EQ(one.events.log(), "head(204) end");
  pair.client_wire.take_sent();
  one.stream->detach();
  EXPECT_EQ(frame_types(pair.client_wire.take_sent()), "3(8)");
  EXPECT_EQ(pair.client.streams(), 0U);
}

TEST(H2Client, cuts_white_space_off_what_a_server_says) {   // as HTTP/1 does; a client's is refused
  H2Pair pair;
  auto& one = pair.ask(Method::get, "/1", End::yes);
  feed(pair.client, pair.client_wire, frame(kHeaders, kEndHeaders, 1, list_of({{":status", "200"}, {"x-a", " 1 \t"}, {"x-b", "\t"}})) +
                                          frame(kHeaders, kEndHeaders | kEndStream, 1, list_of({{"grpc-status", "0 "}})));
  EXPECT_EQ(one.events.log(), "head(200) trailers(grpc-status=0) end");
  EXPECT_EQ(one.events.head->fields.get("x-a"), "1");
  EXPECT_EQ(one.events.head->fields.get("x-b"), "");
  one.stream->detach();
  pair.settle();
}

TEST(H2Client, fails_what_is_no_response) {
  std::string hello = frame(kSettings, 0, 0, "");
  auto head = [](const Texts& fields, uint8_t flags = kEndHeaders) { return frame(kHeaders, flags, 1, list_of(fields)); };
  std::string interim;
  for (int i = 0; i < 40; ++i) interim += head({{":status", "103"}});
  const std::string cases[] = {
      head({{":status", "103"}}) + frame(kData, 0, 1, "a"),   // found by h2_session_fuzz: a body before the head
      head({{":status", "103"}}) + frame(kData, kEndStream, 1, ""),
      head({{"x", "1"}}),
      head({{":status", "20"}}),
      head({{":status", "200"}, {":status", "200"}}),
      head({{":status", "200"}, {":path", "/"}}),
      head({{":status", "200"}, {"connection", "close"}}),
      head({{":status", "200"}, {"X-Up", "1"}}),
      head({{":status", "103"}, {"X-Up", "1"}}),
      head({{":status", "200"}}) + head({{"X-Up", "1"}}, kEndHeaders | kEndStream),
      head({{":status", "103"}}, kEndHeaders | kEndStream),
      head({{":status", "101"}}),
      interim,
      head({{":status", "200"}, {"content-length", "3"}}, kEndHeaders | kEndStream),
      head({{":status", "200"}, {"content-length", "3"}}) + frame(kData, kEndStream, 1, "ab"),
      head({{":status", "200"}, {"content-length", "3"}}) + frame(kData, 0, 1, "abcd"),
      head({{":status", "200"}}) + head({{"host", "a"}}, kEndHeaders | kEndStream),
      head({{":status", "200"}}) + head({{"x", "1"}}),
  };
  for (const std::string& bytes : cases) {
    BlockPool pool;
    FakeWire wire(pool);
    H2Limits limits;
    RecordingEvents events(pool);
    H2ClientCodec client(wire, Scheme::http, limits);
    client.start();
    feed(client, wire, hello);
    Stream& stream = client.open(events);
    Head request(events.arena());
    request.method = Method::get;
    request.authority = "a";
    request.path = "/";
    stream.send_head(request, End::yes);
    wire.take_sent();
    feed(client, wire, bytes);
    ASSERT_TRUE(events.reset) << events.log();
    EXPECT_EQ(events.reset->code, Code::bad_message);
    EXPECT_EQ(events.reset->progress, Progress::answered);
    EXPECT_EQ(frame_types(wire.take_sent()), "3(1)") << events.log();
    EXPECT_EQ(wire.ending(), "");
    EXPECT_EQ(client.streams(), 0U) << events.log();
  }
}

TEST(H2Client, a_request_that_is_answered_does_not_wait_for_a_window) {
  BlockPool pool;
  FakeWire wire(pool);
  H2Limits limits;
  RecordingEvents events(pool);
  H2ClientCodec client(wire, Scheme::http, limits);
  client.start();
  feed(client, wire, frame(kSettings, 0, 0, std::string("\0\4\0\0\0\5", 6)));
  Stream& stream = client.open(events);
  Head request(events.arena());
  request.method = Method::post;
  request.authority = "a";
  request.path = "/";
  stream.send_head(request, End::no);
  stream.send_body(chain_of(pool, "hello"), End::no);
  stream.send_body({}, End::yes);
  feed(client, wire, frame(kHeaders, kEndStream | kEndHeaders, 1, list_of({{":status", "200"}})));
  EXPECT_EQ(events.log(), "head(200) end");
  wire.take_sent();
  stream.detach();
  EXPECT_EQ(frame_types(wire.sent), "3(8)");
  EXPECT_EQ(client.streams(), 0U);
}

TEST(H2Pair, the_client_keeps_the_servers_number_of_streams) {
  H2Limits limits;
  limits.streams = 3;
  H2Pair pair(limits);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pair.client.has_room());
    pair.ask(Method::get, "/", End::yes);
  }
  EXPECT_FALSE(pair.client.has_room());
  int before = pair.client_wire.availables;
  pair.answer(1);
  pair.settle();
  EXPECT_TRUE(pair.client.has_room());
  EXPECT_EQ(pair.client_wire.availables, before + 1);
}

// ---- Extended CONNECT (RFC 8441)

/// Our server past an extended CONNECT, with what came behind it.
struct TunnelServer : H2Server {
  explicit TunnelServer(std::string_view behind = {}) {
    greet();
    send(tunnel_frame(1) + std::string(behind));
  }
  Stream& stream() { return *keeper.streams[0]; }
  void open() {
    stream().send_head(make_head(0, 200), End::no);
    stream().begin_tunnel(tunnel);
    keeper.requests[0].reset();   // with its arena: nothing of it is looked at any more
    wire.take_sent();
  }
  RecordingEvents tunnel{pool};
};

TEST(H2Tunnel, is_told_as_the_get_that_it_is_in_http1) {
  TunnelServer server(frame(kData, 0, 1, "early"));
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end");   // what follows waits
  const Head& head = *server.keeper.requests[0]->head;
  EXPECT_EQ(head.upgrade, "websocket");
  EXPECT_EQ(head.body, Body::none);
  server.open();
  EXPECT_EQ(server.tunnel.log(), "body(early)");
  server.send(frame(kData, 0, 1, "more") + frame(kData, kEndStream, 1, "!"));
  EXPECT_EQ(server.tunnel.log(), "body(early) body(earlymore!) end");
  server.tunnel.consume_all(server.stream());
  server.stream().send_body(chain_of(server.pool, "back"), End::no);
  server.stream().send_body({}, End::yes);
  EXPECT_EQ(frame_types(server.wire.take_sent()), "0 0");
  server.stream().detach();
  EXPECT_EQ(server.codec.streams(), 0U);
  EXPECT_EQ(server.wire.phase, Phase::idle);
}

TEST(H2Tunnel, an_end_that_came_early_is_told_when_it_begins) {
  TunnelServer server(frame(kData, kEndStream, 1, "all"));
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end");
  server.open();
  EXPECT_EQ(server.tunnel.log(), "body(all) end");
  server.stream().detach();
  H2Server ended;
  ended.greet();
  ended.send(tunnel_frame(1, kEndHeaders | kEndStream));
  RecordingEvents tunnel(ended.pool);
  ended.keeper.streams[0]->send_head(ended.make_head(0, 200), End::no);
  ended.keeper.streams[0]->begin_tunnel(tunnel);
  EXPECT_EQ(tunnel.log(), "end");
  ended.keeper.streams[0]->detach();
}

TEST(H2Tunnel, a_reset_is_a_loss_also_after_our_end) {
  TunnelServer server;
  server.open();
  server.stream().send_body({}, End::yes);
  server.send(frame(kReset, 0, 1, std::string("\0\0\0\x8", 4)));
  EXPECT_EQ(server.tunnel.log(), "reset(reset)");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Tunnel, after_our_end_its_peer_gets_a_moment_to_read_it) {
  TunnelServer server;
  server.open();
  server.stream().send_body(chain_of(server.pool, "bye"), End::no);
  server.stream().send_body({}, End::yes);
  server.stream().detach();
  server.send(frame(kData, 0, 1, "late"));
  EXPECT_EQ(frame_types(server.wire.take_sent()), "0 0");
  EXPECT_EQ(server.codec.streams(), 1U);
  server.wire.time += std::chrono::seconds(5);
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(frame_types(server.wire.take_sent()), "3(0)");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Tunnel, ours_is_cancel) {
  TunnelServer server;
  server.open();
  server.stream().reset({Code::cancelled, Side::gateway, Progress::answered, "test"});
  EXPECT_EQ(frame_types(server.wire.take_sent()), "3(8)");
}

TEST(H2Tunnel, has_no_trailers) {
  TunnelServer server;
  server.open();
  server.send(frame(kHeaders, kEndHeaders | kEndStream, 1, list_of({{"x", "1"}})));
  EXPECT_EQ(server.tunnel.log(), "reset(bad_message)");
  EXPECT_EQ(frame_types(server.wire.take_sent()), "3(1)");
}

TEST(H2Tunnel, may_be_silent_and_may_be_refused) {
  TunnelServer server(frame(kData, 0, 1, "dropped"));
  server.wire.time += std::chrono::hours(1);
  server.codec.on_timeout(Phase::streams);
  EXPECT_EQ(server.keeper.log(), "head(GET /a) end");
  server.answer(0, "no");
  EXPECT_EQ(server.codec.streams(), 0U);
}

TEST(H2Tunnel, passes_between_our_two_sides) {
  H2Pair pair;
  auto& request = *pair.requests.emplace_back(std::make_unique<H2Pair::Request>(pair.pool));
  request.stream = &pair.client.open(request.events);
  EXPECT_TRUE(request.stream->takes_tunnels());
  Arena& arena = request.events.arena();
  Head* head = arena.make<Head>(arena);
  head->method = Method::get;
  head->upgrade = "websocket";
  head->authority = "a";
  head->path = "/live";
  head->fields.add("Sec-WebSocket-Key", "AAAA");
  head->fields.add("Sec-WebSocket-Version", "13");
  request.stream->send_head(*head, End::yes);
  pair.settle();
  const Fields& fields = pair.keeper.requests[0]->head->fields;
  EXPECT_FALSE(fields.has(FieldId::sec_websocket_key));
  EXPECT_EQ(fields.get(FieldId::sec_websocket_version), "13");
  pair.keeper.streams[0]->send_head(pair.make_head(0, 200, 5), End::no);   // the length means nothing
  RecordingEvents client(pair.pool), server(pair.pool);
  pair.keeper.streams[0]->begin_tunnel(server);
  pair.settle();
  EXPECT_EQ(request.events.log(), "head(200)");
  request.stream->begin_tunnel(client);
  request.stream->send_body(chain_of(pair.pool, "there"), End::no);
  pair.keeper.streams[0]->send_body(chain_of(pair.pool, "and back"), End::yes);
  pair.settle();
  EXPECT_EQ(server.log(), "body(there)");
  EXPECT_EQ(client.log(), "body(and back) end");
  request.stream->send_body({}, End::yes);
  pair.settle();
  EXPECT_EQ(server.log(), "body(there) end");
  request.stream->detach();
  pair.keeper.streams[0]->detach();
  pair.settle();
  EXPECT_EQ(pair.codec.streams() + pair.client.streams(), 0U);
}

TEST(H2Tunnel, is_not_asked_of_who_does_not_offer_it) {
  BlockPool pool;
  FakeWire wire(pool);
  H2Limits limits;
  H2ClientCodec codec(wire, Scheme::http, limits);
  codec.start();
  feed(codec, wire, frame(kSettings, 0, 0, ""));
  RecordingEvents events(pool);
  Stream& stream = codec.open(events);
  EXPECT_FALSE(stream.takes_tunnels());
  stream.detach();
  EXPECT_EQ(codec.streams(), 0U);
}

TEST(H2Tunnel, a_server_that_opens_no_window_loses_it) {
  BlockPool pool;
  FakeWire wire(pool);
  H2Limits limits;
  H2ClientCodec codec(wire, Scheme::http, limits);
  codec.start();
  feed(codec, wire, frame(kSettings, 0, 0, std::string("\0\x8\0\0\0\1", 6)));
  RecordingEvents events(pool), tunnel(pool);
  Stream& stream = codec.open(events);
  Head* head = events.arena().make<Head>(events.arena());
  head->method = Method::get;
  head->upgrade = "websocket";
  head->authority = "a";
  head->path = "/";
  stream.send_head(*head, End::yes);
  feed(codec, wire, frame(kHeaders, kEndHeaders, 1, list_of({{":status", "200"}})));
  stream.begin_tunnel(tunnel);
  while (size_t credit = stream.credit()) stream.send_body(chain_of(pool, std::string(credit, 'x')), End::no);
  EXPECT_EQ(wire.phase, Phase::streams);
  codec.on_timeout(Phase::streams);
  EXPECT_EQ(tunnel.log(), "");
  wire.time += limits.write_patience;
  codec.on_timeout(Phase::streams);
  EXPECT_EQ(tunnel.log(), "reset(stalled)");
}

}  // namespace
}  // namespace sluice::http
