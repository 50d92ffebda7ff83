// H1ServerCodec: requests in, responses out, and what becomes of the connection.
#include <gtest/gtest.h>

#include "fakes/stream_events.h"
#include "fakes/wire.h"
#include "http/h1_codec.h"
#include "http/h1_problems.h"

namespace sluice::http {
namespace {

/// A connection whose requests may be answered by "ok" as they come.
struct Server {
  size_t send(std::string_view bytes, size_t step = 0) { return feed(codec, wire, bytes, step); }

  Head& make_head(uint16_t status, std::optional<uint64_t> length) {
    Arena& arena = acceptor.last().arena();
    Head* head = arena.make<Head>(arena);
    head->status = status;
    head->content_length = length;
    return *head;
  }
  void send_body(std::string_view text, End end) {
    Chain bytes;
    bytes.append_copy(pool, text);
    codec.send_body(std::move(bytes), end);
  }
  /// Sends a whole response to the request under way and lets go of the stream.
  void answer(std::string_view body = "ok", uint16_t status = 200) {
    codec.send_head(make_head(status, body.size()), End::no);
    send_body(body, End::yes);
    codec.detach();
  }
  /// Feeds, answering each request as soon as it is over.
  void serve(std::string_view bytes, size_t step = 0) {
    size_t answered = 0;
    auto answer_all = [&] {
      while (answered < acceptor.requests.size() && acceptor.last().over()) {
        answered = acceptor.requests.size();
        answer();
      }
    };
    for (size_t at = 0; at < bytes.size() && !wire.finished;) {
      size_t part = std::min(step == 0 ? bytes.size() : step, bytes.size() - at);
      at += send(bytes.substr(at, part));
      answer_all();
    }
  }

  BlockPool pool;
  FakeWire wire{pool};
  RecordingAcceptor acceptor{pool};
  H1Limits limits;
  H1ServerCodec codec{wire, acceptor, limits};
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kPost = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
constexpr std::string_view kChunked =
    "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string operator+(std::string_view a, std::string_view b) {
  return std::string(a) += b;
}

struct Conversation {
  std::string name;
  std::string bytes;
  std::string log;
  std::string ending;   // of the connection, once every request has been answered
};

std::vector<Conversation> conversations() {
  std::string get(kGet), post(kPost), chunked(kChunked);
  std::string close = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  std::string old = "GET /a HTTP/1.0\r\n\r\n";
  std::string old_kept = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  std::string head_a = "head(GET /a) end";
  std::string body_p = "head(POST /p) body(12345) end";
  return {
      {"one", get, head_a, ""},
      {"three", get + get + get, head_a + " | " + head_a + " | " + head_a, ""},
      {"empty_line_before", "\r\n" + get, head_a, ""},
      {"empty_line_between", get + "\r\n" + get, head_a + " | " + head_a, ""},
      {"length", post + "12345" + get, body_p + " | " + head_a, ""},
      {"length_zero", "PUT /z HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + get,
       "head(PUT /z) end | " + head_a, ""},
      {"chunks", chunked + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n" + get,
       "head(POST /c) body(abcde) end | " + head_a, ""},
      {"no_chunks", chunked + "0\r\n\r\n" + get, "head(POST /c) end | " + head_a, ""},
      {"trailers", chunked + "1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n" + get,
       "head(POST /c) body(a) trailers(X-Sum=7) end | " + head_a, ""},
      {"close", close, head_a, "flush"},
      {"http_1_0", old, head_a, "flush"},
      {"http_1_0_kept", old_kept + old_kept, head_a + " | " + head_a, ""},
      {"garbage", "GET / HTTP/1.1\n", "refused(bare_lf)", "linger"},
      {"garbage_behind", get + "x\r\n\r\n", head_a + " | refused(bad_request_line)", "linger"},
      {"bad_chunk", chunked + "zz\r\n", "head(POST /c) refused(chunk_invalid)", "linger"},
      {"bad_trailer", chunked + "0\r\nHost: b\r\n\r\n", "head(POST /c) refused(bad_trailer)",
       "linger"},
      {"folded_trailer", chunked + "0\r\nX: a\r\n b\r\n\r\n",
       "head(POST /c) refused(folded_line)", "linger"},
  };
}

class Conversations : public ::testing::TestWithParam<Conversation> {};
INSTANTIATE_TEST_SUITE_P(, Conversations, ::testing::ValuesIn(conversations()),
                         [](const auto& param) { return param.param.name; });

TEST_P(Conversations, are_the_same_however_the_bytes_are_cut) {
  for (size_t step : {0, 1, 2, 3, 7, 16}) {
    Server server;
    server.serve(GetParam().bytes, step);
    EXPECT_EQ(server.acceptor.log(), GetParam().log) << "step " << step;
    EXPECT_EQ(server.wire.ending(), GetParam().ending) << "step " << step;
  }
}

TEST(ServerCodec, delivers_a_close_request_but_not_what_follows_it) {
  Server server;
  server.serve("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet);
  EXPECT_EQ(server.acceptor.log(), "head(GET /a) end");
  EXPECT_EQ(server.wire.ending(), "linger");   // bytes are unread: a plain close would be an RST
}

TEST(ServerCodec, applies_its_limits) {
  struct Case {
    std::string bytes, log;
  };
  const Case cases[] = {
      {"GET /" + std::string(200, 'x'), "refused(request_line_too_long)"},
      {kGet.substr(0, 26) + "X: " + std::string(400, 'x'), "refused(headers_too_large)"},
      {kGet.substr(0, 26) + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", "refused(too_many_headers)"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "refused(body_too_large)"},
      {kChunked + "6\r\n123456\r\n5\r\n", "head(POST /c) body(123456) refused(body_too_large)"},
  };
  for (const Case& one : cases) {
    for (size_t step : {0, 1}) {
      Server server;
      server.limits = {.line_bytes_max = 100, .header_bytes_max = 300, .headers_max = 3,
                       .body_bytes_max = 10, .path = PathProfile::strict};
      server.send(one.bytes, step);
      EXPECT_EQ(server.acceptor.log(), one.log) << "step " << step;
    }
  }
}

TEST(ServerCodec, answers_pipelined_requests_one_after_the_other) {
  Server server;
  server.send(kGet + kGet + kGet.substr(0, 9));
  EXPECT_EQ(server.acceptor.requests.size(), 1u);   // the next waits for the answer
  server.answer("one");
  EXPECT_EQ(server.acceptor.requests.size(), 2u);
  server.answer("two");
  server.send(kGet.substr(9));
  server.answer("three");
  EXPECT_EQ(server.acceptor.log(), "head(GET /a) end | head(GET /a) end | head(GET /a) end");
  std::string sent = server.wire.sent;
  EXPECT_LT(sent.find("one"), sent.find("two"));
  EXPECT_LT(sent.find("two"), sent.find("three"));
}

struct EndOfInput {
  const char* name;
  std::string bytes;
  std::string log;
  std::string ending;   // after the answer, if there is somebody to answer
};

TEST(ServerCodec, takes_an_end_of_input_in_every_state) {
  const EndOfInput cases[] = {
      {"idle", "", "", "flush"},
      {"empty line", "\r\n", "", "flush"},
      {"head", "GET / HT", "", "flush"},
      {"length", kPost + "123", "head(POST /p) body(123) refused(incomplete_body)", "linger"},
      {"chunk", kChunked + "5\r\n12", "head(POST /c) body(12) refused(incomplete_body)", "linger"},
      {"trailer", kChunked + "0\r\nX: ", "head(POST /c) refused(incomplete_body)", "linger"},
      {"done", std::string(kGet), "head(GET /a) end", "flush"},
      {"refused", "x\r\n\r\n", "refused(bad_request_line)", "linger"},
      {"pipelined", kGet + kGet, "head(GET /a) end | head(GET /a) end", "flush"},
      {"pipelined head", kGet + "GET / H", "head(GET /a) end", "flush"},
      {"pipelined garbage", kGet + "x\r\n\r\n",
       "head(GET /a) end | refused(bad_request_line)", "linger"},
      {"pipelined body", kGet + kPost + "1",
       "head(GET /a) end | head(POST /p) body(1) refused(incomplete_body)", "linger"},
  };
  for (const EndOfInput& one : cases) {
    Server server;
    server.send(one.bytes);
    server.codec.on_eof();
    for (size_t answered = 0; answered < server.acceptor.requests.size();) {
      ASSERT_TRUE(server.acceptor.last().over()) << one.name;
      EXPECT_FALSE(server.wire.finished) << one.name;   // a half-close is no abort
      answered = server.acceptor.requests.size();
      server.answer();
    }
    EXPECT_EQ(server.acceptor.log(), one.log) << one.name;
    EXPECT_EQ(server.wire.ending(), one.ending) << one.name;
  }
}

TEST(ServerCodec, says_close_in_the_last_answer_after_a_half_close) {
  Server server;
  server.send(kGet + kGet);
  server.codec.on_eof();
  server.answer("one");
  EXPECT_EQ(server.wire.take_sent().find("Connection: close"), std::string::npos);
  server.answer("two");
  EXPECT_NE(server.wire.take_sent().find("Connection: close"), std::string::npos);
}

TEST(ServerCodec, times_out_by_phase) {
  Server idle;
  idle.codec.on_timeout(Phase::idle);
  EXPECT_EQ(idle.wire.ending(), "flush");

  Server head;
  head.send("GET /");
  EXPECT_EQ(head.wire.phase, Phase::head);
  head.codec.on_timeout(Phase::head);
  EXPECT_EQ(head.acceptor.log(), "refused(request_timeout)");
  head.answer("late", 408);
  EXPECT_EQ(head.wire.ending(), "linger");

  Server body;
  body.send(kPost);
  EXPECT_EQ(body.wire.phase, Phase::body);
  body.codec.on_timeout(Phase::body);
  EXPECT_EQ(body.acceptor.log(), "head(POST /p) refused(request_timeout)");
}

TEST(ServerCodec, waits_for_the_right_thing) {
  Server server;
  server.send("\r\n");
  EXPECT_EQ(server.wire.phase, Phase::none);   // as start() left it: nothing of a request is here
  server.send("G");
  EXPECT_EQ(server.wire.phase, Phase::head);
  server.send("ET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(server.wire.phase, Phase::body);
  server.send("x");
  EXPECT_EQ(server.wire.phase, Phase::none);
  server.answer();
  EXPECT_EQ(server.wire.phase, Phase::idle);
}

struct Response {
  const char* name;
  std::string request;
  uint16_t status;
  std::optional<uint64_t> length;
  std::string body;   // sent in one piece; "-": the head ends the message
  std::string sent;
  std::string ending;
};

TEST(ServerCodec, frames_responses_for_the_client_at_hand) {
  std::string get(kGet), head = "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string old = "GET /a HTTP/1.0\r\n\r\n";
  std::string old_kept = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  std::string ok = "HTTP/1.1 200 OK\r\n";
  const Response cases[] = {
      {"length", get, 200, 3, "abc", ok + "Content-Length: 3\r\n\r\nabc", ""},
      {"chunks", get, 200, {}, "abc",
       ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ""},
      {"empty", get, 200, {}, "-", ok + "Content-Length: 0\r\n\r\n", ""},
      {"HEAD keeps the length", head, 200, 3, "abc", ok + "Content-Length: 3\r\n\r\n", ""},
      {"HEAD of chunks", head, 200, {}, "abc", ok + "\r\n", ""},
      {"204 has no length", get, 204, 3, "abc", "HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"304 keeps the length", get, 304, 3, "-",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", ""},
      {"HTTP/1.0", old, 200, 3, "abc",
       ok + "Content-Length: 3\r\nConnection: close\r\n\r\nabc", "flush"},
      {"HTTP/1.0 kept", old_kept, 200, 3, "abc",
       ok + "Content-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", ""},
      {"HTTP/1.0 to close", old_kept, 200, {}, "abc", ok + "Connection: close\r\n\r\nabc",
       "flush"},
  };
  for (const Response& one : cases) {
    Server server;
    server.send(one.request);
    bool ends = one.body == "-";
    server.codec.send_head(server.make_head(one.status, one.length), ends ? End::yes : End::no);
    if (!ends) server.send_body(one.body, End::yes);
    server.codec.detach();
    EXPECT_EQ(server.wire.sent, one.sent) << one.name;
    EXPECT_EQ(server.wire.ending(), one.ending) << one.name;
  }
}

TEST(ServerCodec, sends_trailers_behind_chunks_and_drops_them_elsewhere) {
  for (bool chunked : {true, false}) {
    Server server;
    server.send(kGet);
    std::optional<uint64_t> length;
    if (!chunked) length = 2;
    server.codec.send_head(server.make_head(200, length), End::no);
    server.send_body("ab", End::no);
    Fields trailers(server.acceptor.last().arena());
    trailers.add("X-Sum", "7");
    server.codec.send_trailers(trailers);
    server.codec.detach();
    EXPECT_EQ(server.wire.sent.ends_with("0\r\nX-Sum: 7\r\n\r\n"), chunked);
    EXPECT_EQ(server.wire.sent.ends_with("\r\n\r\nab"), !chunked);
    EXPECT_EQ(server.wire.ending(), "");
  }
}

TEST(ServerCodec, passes_interim_responses_to_clients_that_know_them) {
  Server server;
  server.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(server.acceptor.last().head->expect_continue);
  server.codec.send_informational(server.make_head(100, {}));
  EXPECT_EQ(server.wire.take_sent(), "HTTP/1.1 100 Continue\r\n\r\n");
  server.send("x");
  server.codec.send_head(server.make_head(200, 0), End::yes);
  server.wire.take_sent();
  server.codec.send_informational(server.make_head(103, {}));   // too late
  EXPECT_EQ(server.wire.sent, "");

  Server old;
  old.send("GET /a HTTP/1.0\r\n\r\n");
  old.codec.send_informational(old.make_head(103, {}));
  EXPECT_EQ(old.wire.sent, "");
}

TEST(ServerCodec, ends_the_connection_as_the_stream_was_left) {
  Server unfinished;   // the client must not take what it got for the whole
  unfinished.send(kGet);
  unfinished.codec.send_head(unfinished.make_head(200, 10), End::no);
  unfinished.codec.detach();
  EXPECT_EQ(unfinished.wire.ending(), "abort");

  Server unread;       // answered while the body still arrives: the client must read the answer
  unread.send(kPost + "12");
  unread.answer();
  EXPECT_EQ(unread.wire.ending(), "hear_out");
  EXPECT_EQ(unread.send("345"), 0u);

  Server reset;
  reset.send(kGet);
  reset.codec.reset(Error{Code::cancelled});
  reset.codec.reset(Error{Code::cancelled});
  EXPECT_EQ(reset.wire.ending(), "abort");
  EXPECT_EQ(reset.acceptor.log(), "head(GET /a) end");   // no event follows

  for (int status : {200, 204}) {   // broken off by the upstream: what came goes out, where it shows that more would follow, or is all
    for (std::optional<uint64_t> length : {std::optional<uint64_t>(10), std::optional<uint64_t>()}) {
      for (Side side : {Side::upstream, Side::client}) {
        Server broken;
        broken.send(kGet);
        broken.codec.send_head(broken.make_head(status, length), End::no);
        broken.codec.reset(Error{Code::truncated, side});
        EXPECT_EQ(broken.wire.ending(), side == Side::upstream ? "flush" : "abort") << status;
      }
    }
  }

  Server told;         // the response itself says that nothing follows
  told.send(kGet);
  Head& head = told.make_head(200, 0);
  head.keep_alive = false;
  told.codec.send_head(head, End::yes);
  told.codec.detach();
  EXPECT_NE(told.wire.sent.find("Connection: close"), std::string::npos);
  EXPECT_EQ(told.wire.ending(), "flush");
}

TEST(ServerCodec, tells_of_a_failure_once_in_every_state) {
  for (const std::string& bytes : {std::string(), std::string("GET /"), kPost + "1", kGet + "",
                                   std::string("x\r\n\r\n")}) {
    for (bool writing : {false, true}) {
      Server server;
      server.send(bytes);
      size_t requests = server.acceptor.requests.size();
      Error why{Code::reset, Side::gateway, Progress::sent, ""};
      writing ? server.codec.on_write_failed(why) : server.codec.on_failed(why);
      server.codec.on_failed(why);
      EXPECT_EQ(server.wire.ending(), "abort");
      EXPECT_EQ(server.acceptor.requests.size(), requests);
      if (requests == 0) continue;
      ASSERT_TRUE(server.acceptor.last().reset);
      EXPECT_EQ(server.acceptor.last().reset->side, Side::client);
      std::string log = server.acceptor.log();
      EXPECT_EQ(log.find("reset("), log.rfind("reset(")) << log;
    }
  }
}

TEST(ServerCodec, drains_by_the_state_that_it_is_in) {
  Server idle;
  idle.send(kGet);
  idle.answer();
  idle.codec.drain();
  EXPECT_EQ(idle.wire.ending(), "flush");

  for (const std::string& before : {std::string("GET"), kPost + "1", kGet + ""}) {
    Server busy;
    busy.send(before);
    busy.codec.drain();
    EXPECT_EQ(busy.wire.ending(), "") << before;
    std::string all = before.starts_with("POST") ? kPost + "12345" : kGet + "";
    busy.send(all.substr(before.size()));
    busy.answer();
    EXPECT_NE(busy.wire.sent.find("Connection: close"), std::string::npos) << before;
    EXPECT_EQ(busy.wire.ending(), "flush") << before;
  }

  Server answering;   // the head is out already: closed behind it
  answering.send(kGet);
  answering.codec.send_head(answering.make_head(200, 2), End::no);
  answering.codec.drain();
  answering.send_body("ok", End::yes);
  answering.codec.detach();
  EXPECT_EQ(answering.wire.ending(), "flush");
}

TEST(ServerCodec, gives_a_request_on_its_way_a_moment_when_it_drains) {
  for (bool asked_before : {false, true}) {
    Server server;
    if (asked_before) {
      server.send(kGet);
      server.answer();
      server.wire.unread = true;   // it lies in the socket
    }
    server.codec.drain();
    EXPECT_EQ(server.wire.ending(), "");
    EXPECT_EQ(server.wire.phase, Phase::last);
    server.wire.take_sent();
    server.send(kGet);
    server.answer();
    EXPECT_NE(server.wire.sent.find("Connection: close"), std::string::npos);
    EXPECT_EQ(server.wire.ending(), "flush");
  }
  Server silent;
  silent.codec.drain();
  silent.codec.on_timeout(Phase::last);
  EXPECT_EQ(silent.wire.ending(), "flush");
}

TEST(ServerCodec, stops_reading_with_the_first_byte_held_while_memory_is_short) {
  SharedMemory memory;
  MemoryShare share(memory);
  Server server;
  server.wire.blocks().count_in(share);
  memory.set_limit(0);
  server.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  EXPECT_FALSE(server.wire.paused);
  EXPECT_EQ(server.send(std::string(65536, 'b'), 4096), 4096u);
  EXPECT_TRUE(server.wire.paused);
  server.codec.consume(4095);
  EXPECT_TRUE(server.wire.paused);
  server.codec.consume(1);
  EXPECT_FALSE(server.wire.paused);
  memory.set_limit(SharedMemory::kUnlimited);
  EXPECT_GT(server.send(std::string(1 << 17, 'b'), 4096), kHeldBytesMax);   // as always
  server.wire.blocks().forget_share();
}

TEST(ServerCodec, stops_reading_when_a_body_is_not_consumed) {
  Server server;
  std::string body(1 << 20, 'b');
  server.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  size_t fed = server.send(body, 16 * 1024);
  EXPECT_LE(fed, kHeldBytesMax + 16 * 1024);
  EXPECT_TRUE(server.wire.paused);
  RecordingEvents& events = server.acceptor.last();
  server.codec.consume(1024);
  events.unconsumed -= 1024;
  EXPECT_TRUE(server.wire.paused);   // not for every little bit
  while (fed < body.size()) {
    events.consume_all(server.codec);
    ASSERT_FALSE(server.wire.paused);
    fed += server.send(std::string_view(body).substr(fed), 16 * 1024);
  }
  EXPECT_EQ(events.body, body);
  server.answer();
  EXPECT_FALSE(server.wire.paused);
  EXPECT_EQ(server.wire.phase, Phase::idle);
}

TEST(ServerCodec, holds_a_bounded_number_of_pipelined_bytes) {
  Server server;
  std::string requests;
  for (int i = 0; i < 10'000; ++i) requests += kGet;
  size_t fed = server.send(requests, 1000);
  EXPECT_LE(fed, kHeldBytesMax + 2000);
  EXPECT_TRUE(server.wire.paused);
  while (server.acceptor.requests.size() < 10'000) {
    ASSERT_TRUE(server.acceptor.last().over());
    server.answer();
    if (!server.wire.paused) fed += server.send(std::string_view(requests).substr(fed), 1000);
  }
  EXPECT_EQ(fed, requests.size());
  EXPECT_EQ(server.acceptor.last().log(), "head(GET /a) end");
}

TEST(ServerCodec, stays_paused_when_the_pipelined_request_has_a_large_body) {
  Server server;
  std::string post = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n";
  server.send(kGet + post + std::string(70'000, 'b'));
  ASSERT_TRUE(server.wire.paused);
  server.answer();
  EXPECT_EQ(server.acceptor.last().unconsumed, 70'000u);
  EXPECT_TRUE(server.wire.paused);
  server.acceptor.last().consume_all(server.codec);
  EXPECT_FALSE(server.wire.paused);
}

TEST(ServerCodec, tells_when_there_is_room_again) {
  Server server;
  server.send(kGet);
  server.codec.on_room();
  EXPECT_EQ(server.acceptor.last().credits, 0);   // nobody waited
  server.wire.room = 0;
  EXPECT_EQ(server.codec.credit(), 0u);
  server.wire.room = 100;
  server.codec.on_room();
  server.codec.on_room();
  EXPECT_EQ(server.acceptor.last().credits, 1);
  EXPECT_EQ(server.codec.credit(), 100u);
}

TEST(ServerCodec, keeps_no_block_between_requests) {
  Server server;
  server.serve(kPost + "12345" + kGet, 3);
  server.acceptor.requests.clear();
  EXPECT_LE(server.pool.blocks_out(), 1u);   // the shared block for small writes
}

}  // namespace
}  // namespace sluice::http
