// H1ClientCodec: requests out, responses in, and whether the connection may be used again.
#include <gtest/gtest.h>

#include "fakes/stream_events.h"
#include "fakes/wire.h"
#include "http/h1_codec.h"

namespace sluice::http {
namespace {

/// A connection to an upstream, one request at a time.
struct Client {
  /// Opens a stream and sends a request on it; with a body only when one is given.
  RecordingEvents& request(Method method, std::optional<std::string_view> body = {}) {
    events.push_back(std::make_unique<RecordingEvents>(pool));
    codec.open(*events.back());
    Head head(events.back()->arena());
    head.method = method;
    head.path = "/a";
    head.authority = "up";
    if (body) head.content_length = body->size();
    codec.send_head(head, body ? End::no : End::yes);
    if (body) send_body(*body, End::yes);
    return *events.back();
  }
  void send_body(std::string_view text, End end) {
    Chain bytes;
    bytes.append_copy(pool, text);
    codec.send_body(std::move(bytes), end);
  }
  size_t send(std::string_view bytes, size_t step = 0) { return feed(codec, wire, bytes, step); }
  RecordingEvents& last() { return *events.back(); }

  BlockPool pool;
  FakeWire wire{pool};
  H1Limits limits;
  std::vector<std::unique_ptr<RecordingEvents>> events;
  H1ClientCodec codec{wire, limits};
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kOkHead = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";

struct Answer {
  std::string name;
  Method method;
  std::string bytes;
  std::string log;
  std::string ending;   // after detach; "": the connection is free again
};

std::vector<Answer> answers() {
  std::string ok(kOk), chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string flood;
  for (int i = 0; i <= kInformationalMax; ++i) flood += "HTTP/1.1 103 Early Hints\r\n\r\n";
  std::string interims;
  for (int i = 0; i < kInformationalMax; ++i) interims += "interim(103) ";
  Method get = Method::get;
  return {
      {"length", get, ok, "head(200) body(ok) end", ""},
      {"length_zero", get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "head(200) end", ""},
      {"chunks", get, chunked + "1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "head(200) body(ok) end", ""},
      {"trailers", get, chunked + "0\r\nX: 1\r\n\r\n", "head(200) trailers(X=1) end", ""},
      // T2.3: what these declare is no body.
      {"to_HEAD", Method::head, std::string(kOkHead), "head(200) end", ""},
      {"to_HEAD_chunked", Method::head, chunked, "head(200) end", ""},
      {"no_content_with_length", get, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
       "head(204) end", ""},
      {"not_modified_with_length", get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
       "head(304) end", ""},
      {"close", get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
       "head(200) body(ok) end", "flush"},
      {"http_1_0", get, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
       "head(200) body(ok) end", "flush"},
      {"interim", get, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + ok,
       "interim(100) interim(103) head(200) body(ok) end", ""},
      {"interim_flood", get, flood, interims + "reset(bad_message)", "abort"},
      {"upgrade_unasked", get, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
       "Upgrade: x\r\n\r\n", "reset(bad_message)", "abort"},
      {"bad_line", get, "HTTP/2 200 OK\r\n\r\n", "reset(bad_message)", "abort"},
      {"bare_lf", get, "HTTP/1.1 200 OK\n\n", "reset(bad_message)", "abort"},
      {"two_lengths", get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
       "reset(bad_message)", "abort"},
      {"bad_chunk", get, chunked + "1\r\noXX", "head(200) body(o) reset(bad_message)", "abort"},
      {"bad_trailer", get, chunked + "0\r\nContent-Length: 1\r\n\r\n",
       "head(200) reset(bad_message)", "abort"},
      // The head is with the client: it is not the response that pays for what its server may not send behind it.
      {"trailers_left_out", get, chunked + "0\r\nRetry-After: 3\r\nX: 1\r\nWWW-Authenticate: Basic\r\nX_Request_Id: 1\r\n\r\n",
       "head(200) trailers(X=1) end", ""},
      {"all_trailers_left_out", get, chunked + "0\r\nContent-Type: a/b\r\n\r\n", "head(200) end", ""},
      // The answer stands; what follows it makes the connection useless.
      {"bytes_behind", get, ok + "HTTP/1.1 200 OK\r\n", "head(200) body(ok) end", "abort"},
  };
}

class Answers : public ::testing::TestWithParam<Answer> {};
INSTANTIATE_TEST_SUITE_P(, Answers, ::testing::ValuesIn(answers()),
                         [](const auto& param) { return param.param.name; });

TEST_P(Answers, are_the_same_however_the_bytes_are_cut) {
  const Answer& answer = GetParam();
  for (size_t step : {0, 1, 2, 5, 17}) {
    Client client;
    client.request(answer.method);
    client.send(answer.bytes, step);
    client.codec.detach();
    EXPECT_EQ(client.last().log(), answer.log) << "step " << step;
    EXPECT_EQ(client.wire.ending(), answer.ending) << "step " << step;
    EXPECT_EQ(client.wire.availables, answer.ending.empty() ? 1 : 0) << "step " << step;
    if (!answer.ending.empty()) continue;
    ASSERT_TRUE(client.codec.free());
    client.request(Method::get);   // in step with the upstream
    client.send(kOk, step);
    EXPECT_EQ(client.last().log(), "head(200) body(ok) end") << "step " << step;
  }
}

TEST(ClientCodec, frames_requests) {
  struct Case {
    Method method;
    std::optional<std::string_view> body;
    std::string sent;
  };
  const Case cases[] = {
      {Method::get, {}, "GET /a HTTP/1.1\r\nHost: up\r\n\r\n"},
      {Method::delete_, {}, "DELETE /a HTTP/1.1\r\nHost: up\r\n\r\n"},
      {Method::post, {}, "POST /a HTTP/1.1\r\nHost: up\r\nContent-Length: 0\r\n\r\n"},
      {Method::put, {}, "PUT /a HTTP/1.1\r\nHost: up\r\nContent-Length: 0\r\n\r\n"},
      {Method::put, "abc", "PUT /a HTTP/1.1\r\nHost: up\r\nContent-Length: 3\r\n\r\nabc"},
  };
  for (const Case& one : cases) {
    Client client;
    client.request(one.method, one.body);
    EXPECT_EQ(client.wire.sent, one.sent);
  }
}

TEST(ClientCodec, sends_a_body_of_unknown_length_in_chunks) {
  Client client;
  client.events.push_back(std::make_unique<RecordingEvents>(client.pool));
  client.codec.open(client.last());
  Head head(client.last().arena());
  head.method = Method::post;
  head.path = "/a";
  head.has_query = true;
  head.query = "q=1";
  head.authority = "up";
  head.expect_continue = true;
  client.codec.send_head(head, End::no);
  client.send_body("abc", End::no);
  client.send_body("", End::no);
  client.send_body(std::string(17, 'x'), End::no);
  client.send_body("", End::yes);
  EXPECT_EQ(client.wire.sent,
            "POST /a?q=1 HTTP/1.1\r\nHost: up\r\nTransfer-Encoding: chunked\r\n"
            "Expect: 100-continue\r\n\r\n3\r\nabc\r\n11\r\n" + std::string(17, 'x') +
            "\r\n0\r\n\r\n");
}

TEST(ClientCodec, reads_a_response_that_ends_with_the_connection) {
  Client client;
  client.request(Method::get);
  client.send("HTTP/1.0 200 OK\r\n\r\nab", 1);
  client.send("cd");
  EXPECT_EQ(client.last().log(), "head(200) body(abcd)");
  client.codec.on_eof();
  EXPECT_EQ(client.last().log(), "head(200) body(abcd) end");
  client.codec.detach();
  EXPECT_EQ(client.wire.ending(), "flush");
  EXPECT_EQ(client.wire.availables, 0);
}

TEST(ClientCodec, takes_the_end_of_the_connection_in_every_state) {
  struct Case {
    std::string bytes, at_eof, at_reset;
    Progress progress;
  };
  std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string to_close = "HTTP/1.0 200 OK\r\n\r\nab";
  const Case cases[] = {
      {"", "reset(closed)", "reset(reset)", Progress::sent},
      {"HTTP/", "reset(closed)", "reset(reset)", Progress::answered},
      {std::string(kOkHead) + "o", "head(200) body(o) reset(truncated)",
       "head(200) body(o) reset(reset)", Progress::answered},
      {chunked + "2\r\no", "head(200) body(o) reset(truncated)", "head(200) body(o) reset(reset)",
       Progress::answered},
      {chunked + "0\r\n", "head(200) reset(truncated)", "head(200) reset(reset)",
       Progress::answered},
      {to_close, "head(200) body(ab) end", "head(200) body(ab) reset(reset)", Progress::answered},
  };
  for (const Case& one : cases) {
    for (bool reset : {false, true}) {
      Client client;
      client.request(Method::get);
      client.send(one.bytes);
      Error why{Code::reset, Side::gateway, Progress::unsent, ""};
      reset ? client.codec.on_failed(why) : client.codec.on_eof();
      EXPECT_EQ(client.last().log(), reset ? one.at_reset : one.at_eof) << one.bytes;
      if (!client.last().reset) continue;
      EXPECT_EQ(client.last().reset->progress, one.progress) << one.bytes;
      EXPECT_EQ(client.last().reset->side, Side::upstream);
      client.codec.on_failed(why);
      EXPECT_EQ(client.last().log(), reset ? one.at_reset : one.at_eof) << "nothing follows";
      EXPECT_EQ(client.wire.ending(), "abort");
    }
  }
}

TEST(ClientCodec, keeps_a_whole_answer_though_the_connection_fails_behind_it) {
  for (std::string_view behind : {"", "more than announced"}) {
    Client client;
    client.request(Method::get);
    client.send(std::string(kOk).append(behind));
    client.codec.on_failed(Error{Code::reset, Side::gateway, Progress::sent, ""});
    EXPECT_EQ(client.last().log(), "head(200) body(ok) end") << behind;
    client.codec.detach();
    EXPECT_NE(client.wire.ending(), "") << behind;
    EXPECT_EQ(client.wire.availables, 0) << behind;
  }
}

TEST(ClientCodec, is_no_longer_free_when_an_idle_connection_ends) {
  Client closed;
  EXPECT_TRUE(closed.codec.free());
  closed.codec.on_eof();
  EXPECT_FALSE(closed.codec.free());
  EXPECT_EQ(closed.wire.ending(), "flush");

  Client late;
  late.codec.on_timeout(Phase::idle);
  EXPECT_FALSE(late.codec.free());
  EXPECT_EQ(late.wire.ending(), "flush");

  Client failed;
  failed.codec.on_failed(Error{Code::reset});
  EXPECT_FALSE(failed.codec.free());
  EXPECT_EQ(failed.wire.ending(), "abort");
}

TEST(ClientCodec, trusts_nothing_that_came_before_its_request) {
  Client idle;   // a 408 of an upstream that gave up waiting
  idle.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  EXPECT_EQ(idle.wire.ending(), "abort");

  Client opened;
  opened.events.push_back(std::make_unique<RecordingEvents>(opened.pool));
  opened.codec.open(opened.last());
  opened.send(kOk);
  EXPECT_EQ(opened.last().log(), "reset(bad_message)");
  EXPECT_EQ(opened.last().reset->progress, Progress::unsent);

  Client unsent;   // our request is still queued: this is no answer to it
  unsent.wire.kernel_takes = false;
  unsent.request(Method::get);
  unsent.send(kOk);
  EXPECT_EQ(unsent.last().log(), "reset(closed)");
  EXPECT_EQ(unsent.last().reset->progress, Progress::unsent);   // so it may go elsewhere
}

TEST(ClientCodec, counts_as_unsent_until_a_byte_has_left) {
  Client client;
  client.wire.kernel_takes = false;
  client.request(Method::post, "abc");
  client.codec.on_failed(Error{Code::reset});
  EXPECT_EQ(client.last().reset->progress, Progress::unsent);
}

TEST(ClientCodec, delivers_an_early_answer_though_writing_failed) {
  Client client;
  client.events.push_back(std::make_unique<RecordingEvents>(client.pool));
  client.codec.open(client.last());
  Head head(client.last().arena());
  head.method = Method::post;
  head.path = "/a";
  head.authority = "up";
  head.content_length = 100;
  client.codec.send_head(head, End::no);
  client.wire.room = 0;
  EXPECT_EQ(client.codec.credit(), 0u);
  client.wire.room = 1000;
  client.codec.on_write_failed(Error{Code::reset});
  EXPECT_EQ(client.last().credits, 1);   // the rest of the body goes nowhere, but it goes
  client.wire.take_sent();
  client.send_body(std::string(100, 'x'), End::yes);
  EXPECT_EQ(client.wire.sent, "");
  client.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.last().log(), "head(413) end");
  client.codec.on_failed(Error{Code::reset});
  EXPECT_EQ(client.last().log(), "head(413) end");
  client.codec.detach();
  EXPECT_EQ(client.wire.ending(), "flush");
  EXPECT_EQ(client.wire.availables, 0);
}

TEST(ClientCodec, is_not_reused_while_the_upstream_has_not_taken_the_request) {
  Client client;
  client.request(Method::post, "abc");
  client.send(kOk);
  client.wire.room = 0;   // answered without reading all of it
  client.codec.detach();
  EXPECT_EQ(client.wire.availables, 0);
  EXPECT_EQ(client.wire.ending(), "abort");
}

TEST(ClientCodec, ends_the_connection_when_one_of_the_messages_is_not_whole) {
  Client response;
  response.request(Method::get);
  response.send(kOkHead);
  response.codec.detach();
  EXPECT_EQ(response.wire.ending(), "abort");
  EXPECT_EQ(response.send("ok"), 0u);

  Client request;
  request.events.push_back(std::make_unique<RecordingEvents>(request.pool));
  request.codec.open(request.last());
  Head head(request.last().arena());
  head.method = Method::post;
  head.path = "/a";
  head.content_length = 10;
  request.codec.send_head(head, End::no);
  request.send(kOk);
  request.codec.detach();
  EXPECT_EQ(request.wire.ending(), "abort");

  Client reset;
  reset.request(Method::get);
  reset.codec.reset(Error{Code::cancelled});
  reset.codec.reset(Error{Code::cancelled});
  EXPECT_EQ(reset.wire.ending(), "abort");
  EXPECT_EQ(reset.last().log(), "");
}

TEST(ClientCodec, drains_by_the_state_that_it_is_in) {
  Client idle;
  idle.codec.drain();
  EXPECT_EQ(idle.wire.ending(), "flush");

  Client busy;
  busy.request(Method::get);
  busy.codec.drain();
  EXPECT_EQ(busy.wire.ending(), "");
  busy.send(kOk);
  EXPECT_EQ(busy.last().log(), "head(200) body(ok) end");
  busy.codec.detach();
  EXPECT_EQ(busy.wire.ending(), "flush");
  EXPECT_EQ(busy.wire.availables, 0);
}

TEST(ClientCodec, reads_how_long_the_upstream_keeps_an_idle_connection) {
  Client client;
  EXPECT_EQ(client.codec.idle_patience(), Duration::max());
  client.request(Method::get);
  client.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n");
  client.codec.detach();
  EXPECT_EQ(client.codec.idle_patience(), std::chrono::seconds(4));
  client.request(Method::get);
  client.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.codec.idle_patience(), Duration::zero());
}

TEST(ClientCodec, stops_reading_when_a_body_is_not_consumed) {
  Client client;
  client.request(Method::get);
  client.send("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
  std::string body(1 << 20, 'b');
  size_t fed = client.send(body, 16 * 1024);
  EXPECT_LE(fed, kHeldBytesMax + 16 * 1024);
  while (fed < body.size()) {
    client.last().consume_all(client.codec);
    ASSERT_FALSE(client.wire.paused);
    fed += client.send(std::string_view(body).substr(fed), 16 * 1024);
  }
  EXPECT_EQ(client.last().body, body);
  client.codec.detach();
  EXPECT_EQ(client.wire.availables, 1);
}

TEST(ClientCodec, does_not_stay_paused_in_the_pool) {
  Client client;
  client.request(Method::get);
  client.send("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n");
  client.send(std::string(70'000, 'b'));
  EXPECT_TRUE(client.wire.paused);
  client.last().consume_all(client.codec);
  client.codec.detach();
  EXPECT_FALSE(client.wire.paused);
  EXPECT_EQ(client.wire.phase, Phase::idle);
}

}  // namespace
}  // namespace sluice::http
