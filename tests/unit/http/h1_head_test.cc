// The facts that parse_request_head and parse_response_head make of good heads, and refused
// responses.
#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "unit/http/messages.h"

namespace sluice::http {
namespace {

std::string names_of(const Fields& fields) {
  std::string out;
  for (const Field& field : fields) (out += field.name()) += '=', (out += field.value()) += ';';
  return out;
}

class RequestHead : public ::testing::Test {
 protected:
  const Head& parse(std::string_view bytes, const H1Limits& limits = {}) {
    drive_request(bytes, 0, limits, message_);
    EXPECT_EQ(message_.problem, nullptr) << message_.verdict();
    return message_.head;
  }
  BlockPool pool_;
  Message message_{pool_};
};

TEST_F(RequestHead, becomes_the_normal_form) {
  const Head& head = parse(
      "PATCH /a/./b/%7euser?q=%zz HTTP/1.1\r\nHOST: Example.ORG:80\r\nX-One:  1 \r\nCookie: a=b\r\n"
      "x-two: \r\nX-One: 3\r\n\r\n");
  EXPECT_EQ(head.method, Method::patch);
  EXPECT_EQ(head.version, Version::h1_1);
  EXPECT_EQ(head.authority, "example.org");
  EXPECT_EQ(head.host, "example.org");
  EXPECT_EQ(head.path, "/a/b/~user");
  EXPECT_TRUE(head.has_query);
  EXPECT_EQ(head.query, "q=%zz");
  EXPECT_EQ(head.target, "/a/./b/%7euser?q=%zz");
  EXPECT_EQ(head.body, Body::none);
  EXPECT_FALSE(head.content_length.has_value());
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(names_of(head.fields), "X-One=1;Cookie=a=b;x-two=;X-One=3;");
}

TEST_F(RequestHead, loses_hop_by_hop_fields_and_those_that_connection_names) {
  const Head& head = parse(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Private\r\nConnection: x-other\r\n"
      "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: trailers, gzip;q=0.5\r\nX-Other: "
      "1\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: x\r\nContent-Length: "
      "2\r\nx-private: 1\r\n"
      "Trailer: X-Sum\r\nExpect: 100-continue\r\nX-Stays: 1\r\n\r\nab");
  EXPECT_EQ(names_of(head.fields), "Trailer=X-Sum;X-Stays=1;");
  EXPECT_EQ(head.body, Body::length);
  EXPECT_EQ(head.content_length, 2u);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_TRUE(head.takes_trailers);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.upgrade, "");
}

TEST_F(RequestHead, of_a_chunked_body_with_trailers_ends_where_the_next_message_begins) {
  std::string first = "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nX-Sum: 5 \r\n\r\n";
  parse(first + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(message_.head.body, Body::streamed);
  EXPECT_EQ(message_.body, "abcde");
  EXPECT_EQ(names_of(message_.trailers), "X-Sum=5;");
  EXPECT_EQ(message_.used, first.size());
}

TEST_F(RequestHead, counts_the_empty_line_before_it_as_skipped) {
  parse("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET");
  EXPECT_EQ(message_.used, 29u);
}

TEST_F(RequestHead, in_absolute_form_gives_scheme_and_authority) {
  const Head& head = parse("GET HTTPS://A.example:443?x HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_EQ(head.scheme, Scheme::https);
  EXPECT_EQ(head.authority, "a.example");
  EXPECT_EQ(head.path, "/");
  EXPECT_EQ(head.query, "x");
}

TEST(RequestFacts, follow_version_and_connection) {
  struct Row {
    std::string_view bytes;
    bool keep_alive;
    std::string_view upgrade;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false, ""},
      {"GET / HTTP/1.0\r\n\r\n", false, ""},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", true,
       "websocket"},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, websocket\r\nConnection: upgrade\r\n\r\n", true,
       ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", true, ""},
      {"GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade, keep-alive\r\n\r\n", true, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(printable(row.bytes));
    BlockPool pool;
    Message message(pool);
    drive_request(row.bytes, 0, {}, message);
    EXPECT_EQ(message.verdict(), "ok");
    EXPECT_EQ(message.head.keep_alive, row.keep_alive);
    EXPECT_EQ(message.head.upgrade, row.upgrade);
    EXPECT_EQ(message.used, row.bytes.size());
  }
}

TEST(RequestFacts, hold_what_was_understood_of_a_refused_request) {
  BlockPool pool;
  Message message(pool);
  drive_request("GET /a HTTP/3.0\r\n\r\n", 0, {}, message);
  EXPECT_EQ(message.status(), 505);
  EXPECT_EQ(message.head.method, Method::get);
  EXPECT_EQ(message.head.target, "/a");
}

TEST(RequestFacts, expectation_needs_a_body_and_http_1_1) {
  for (auto [bytes, expected] : {
           std::pair{"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false},
           {"PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx", false},
           {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
            false},
           {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
            true},
       }) {
    BlockPool pool;
    Message message(pool);
    drive_request(bytes, 0, {}, message);
    EXPECT_EQ(message.verdict(), "ok") << bytes;
    EXPECT_EQ(message.head.expect_continue, expected) << bytes;
  }
}

struct ResponseRow {
  std::string_view bytes;
  Body body;
  bool keep_alive;
  std::string_view content;
  Method method = Method::get;
};

TEST(H1Response, body_follows_status_method_and_framing) {
  const ResponseRow rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP", Body::length, true, "ab"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", Body::streamed,
       true, "ab"},
      {"HTTP/1.1 200 OK\r\n\r\nabc", Body::to_close, false, "abc"},
      {"HTTP/1.0 200 OK\r\n\r\nabc", Body::to_close, false, "abc"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", Body::length, false, "a"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na", Body::length,
       true, "a"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na", Body::length, false,
       "a"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Body::none, true, ""},
      {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", Body::none, false, ""},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Body::none, true, ""},
      {"HTTP/1.1 100 Continue\r\n\r\n", Body::none, true, ""},
      {"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", Body::none, true, ""},
      {"HTTP/1.1 101 Switching\r\n\r\n", Body::none, true, ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Body::none, true, "", Method::head},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Body::none, true, "", Method::head},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Body::length, true, ""},
      {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Body::length, true, ""},
      {"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Body::length, true, ""},
      {"HTTP/1.1 200 OK\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       Body::streamed, true, ""},
  };
  for (const ResponseRow& row : rows) {
    SCOPED_TRACE(printable(row.bytes));
    for (size_t step : {0, 1, 3}) {
      BlockPool pool;
      Message message(pool);
      drive_response(row.bytes, step, row.method, message);
      EXPECT_EQ(message.verdict(), "ok");
      EXPECT_EQ(message.head.body, row.body);
      EXPECT_EQ(message.head.keep_alive, row.keep_alive);
      EXPECT_EQ(message.body, row.content);
    }
  }
}

TEST(H1Response, refused_ones_are_bad_messages_of_the_upstream) {
  for (std::string_view bytes : {
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 204 None\r\nContent-Length: x\r\n\r\n",
           "HTTP/1.1 1000 OK\r\n\r\n",
           "HTTP/1.1 000 OK\r\n\r\n",
           "HTTP/1.1 99 OK\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/1.1 200OK\r\n\r\n",
           "HTTP/0.9 200 OK\r\n\r\n",
           "HTTP/2.0 200 OK\r\n\r\n",
           "HTTP/1.1 200 O\x7fK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
           "ICY 200 OK\r\n\r\n",
       }) {
    SCOPED_TRACE(printable(bytes));
    for (size_t step : {0, 1}) {
      BlockPool pool;
      Message message(pool);
      drive_response(bytes, step, Method::get, message);
      EXPECT_EQ(message.status(), 502) << message.verdict();
      EXPECT_FALSE(message.complete);
    }
  }
}

TEST(H1Response, refused_lines_never_reach_the_head_parser) {
  using namespace std::string_literals;
  H1Limits limits;
  for (const std::string& bytes : {
           "\r\nHTTP/1.1 200 OK\r\n\r\n"s, "HTTP/1.1 200 OK\n\r\n"s, "HTTP/1.1 200 O\0K\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n"s, "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\n: a\r\n\r\n"s, "HTTP/1.1 200 OK\r\nX: a\n\r\n"s}) {
    HeadScanner scanner(HeadScanner::Kind::response, limits);
    EXPECT_EQ(scanner.scan(bytes), HeadScanner::State::refused) << printable(bytes);
  }
}

TEST(H1Response, gives_reason_fields_and_idle_time) {
  BlockPool pool;
  Message message(pool);
  drive_response(
      "HTTP/1.1 404 Not  Here\r\nServer: x\r\nSet-Cookie: a=b; c\r\nset-cookie: d=e\r\nX-Hop: 1\r\n"
      "Keep-Alive: max=3, timeout=15\r\nConnection: keep-alive, x-hop\r\nContent-Length: 0\r\n\r\n",
      0, Method::get, message);
  EXPECT_EQ(message.head.status, 404);
  EXPECT_EQ(message.head.reason, "Not  Here");
  EXPECT_EQ(message.head.keep_alive_seconds, 15u);
  EXPECT_EQ(message.head.fields.count(FieldId::set_cookie), 2u);
  EXPECT_EQ(message.head.fields.size(), 3u);
  EXPECT_EQ(message.head.content_length, 0u);
}

}  // namespace
}  // namespace sluice::http
