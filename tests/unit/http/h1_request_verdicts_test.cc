// Every class of request that strict llhttp accepts or refuses, and what Sluice makes of it: whole
// and byte by byte the same.
#include <gtest/gtest.h>

#include "base/text.h"
#include "unit/http/messages.h"

namespace sluice::http {
namespace {

using namespace std::string_literals;

struct Row {
  std::string bytes;
  int status;               // 200 accepted, 0 incomplete
  std::string_view code;    // empty: any
};

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string target(std::string_view text) {
  return "GET " + std::string(text) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string host(std::string_view text) {
  return "GET / HTTP/1.1\r\nHost: " + std::string(text) + "\r\n\r\n";
}
std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

void check(const Row& row, const H1Limits& limits = {}) {
  SCOPED_TRACE(printable(row.bytes, 200));
  BlockPool pool;
  Message whole(pool);
  drive_request(row.bytes, 0, limits, whole);
  EXPECT_EQ(whole.status(), row.status) << whole.verdict();
  if (!row.code.empty()) {
    EXPECT_EQ(whole.verdict(), row.code);
  }
  for (size_t step : {1, 2, 3, 7}) {
    Message cut(pool);
    drive_request(row.bytes, step, limits, cut);
    EXPECT_EQ(cut.verdict(), whole.verdict()) << "in steps of " << step;
    EXPECT_EQ(cut.body, whole.body);
    if (whole.complete) {
      EXPECT_EQ(cut.used, whole.used);
    }
  }
}

TEST(H1Request, content_length_is_one_plain_number) {
  for (const Row& row : {
           Row{post("Content-Length: 3\r\n", "abc"), 200, "ok"},
           {post("Content-Length: 0\r\n", ""), 200, "ok"},
           {post("Content-Length: 3 \r\n", "abc"), 200, "ok"},
           {post("Content-Length: 3\r\n", "ab"), 0, "incomplete"},
           {post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 3, 3\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: +3\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: -1\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 0x3\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length:\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 1 2\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 3;x\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 18446744073709551616\r\n", ""), 400, "bad_content_length"},
           {post("Content-Length: 18446744073709551615\r\n", ""), 400, "bad_content_length"},
           {post("Content-Length: 0000000000000000000000003\r\n", "abc"), 400,
            "bad_content_length"},
           {post("Content-Length: 03\r\n", "abc"), 400, "bad_content_length"},
           {post("Content-Length: 9999999999999999999\r\n", ""), 0, "incomplete"},
       }) {
    check(row);
  }
}

TEST(H1Request, two_framings_are_never_accepted) {
  for (const Row& row : {
           Row{post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", "abc"), 400, ""},
           {post("Transfer-Encoding:\r\nContent-Length: 3\r\n", "abc"), 400,
            "bad_transfer_encoding"},
           {post("Content-Length: 3\r\nTransfer-Encoding:\r\n", "abc"), 400, ""},
           {post("Content_Length: 3\r\n", "abc"), 400, "ambiguous_field_name"},
           {post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n"), 400, "ambiguous_field_name"},
           {post("content-Length: 3\r\ntransfer_encoding: chunked\r\n", "abc"), 400,
            "ambiguous_field_name"},
       }) {
    check(row);
  }
}

TEST(H1Request, transfer_encoding_is_exactly_chunked) {
  for (const Row& row : {
           Row{chunked("0\r\n\r\n"), 200, "ok"},
           {post("transfer-encoding:  Chunked\r\n", "0\r\n\r\n"), 200, "ok"},
           {post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501,
            "unknown_transfer_coding"},
           {post("Transfer-Encoding: gzip\r\n", ""), 501, "unknown_transfer_coding"},
           {post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), 400, "bad_transfer_encoding"},
           {post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400,
            ""},
           {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            "bad_transfer_encoding"},
           {post("Transfer-Encoding: chunked, gzip\r\n", ""), 400, ""},
           {post("Transfer-Encoding: xchunked\r\n", ""), 400, ""},
           {post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400,
            ""},
           {post("Transfer-Encoding: chunked ,\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: chunked\t\r\n", "0\r\n\r\n"), 400, ""},
           {post("Transfer-Encoding: chunked\x0b\r\n", "0\r\n\r\n"), 400, "control_byte"},
           {post("Transfer-Encoding: identity\r\n", ""), 400, "bad_transfer_encoding"},
       }) {
    check(row);
  }
}

TEST(H1Request, field_lines_are_strict) {
  for (const Row& row : {
           Row{get("X: a\r\n"), 200, "ok"},
           {get("X:\r\n"), 200, "ok"},
           {get("X: a\tb \xe9\r\n"), 200, "ok"},
           {get("X: a\r\n b\r\n"), 400, "folded_line"},
           {get("X: a\r\n\tb\r\n"), 400, "folded_line"},
           {"GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 3\r\n\r\n", 400, "folded_line"},
           {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded_line"},
           {get("X : a\r\n"), 400, "bad_field"},
           {get("X\t: a\r\n"), 400, "bad_field"},
           {get("X(: a\r\n"), 400, "bad_field"},
           {get("X Y: a\r\n"), 400, "bad_field"},
           {get("X\x80: a\r\n"), 400, "bad_field"},
           {get("X\0: a\r\n"s), 400, "control_byte"},
           {get("X\r\n"), 400, "bad_field"},
           {get(": x\r\n"), 400, "bad_field_name"},
           {get("X: a\0b\r\n"s), 400, "control_byte"},
           {get("X: a\x01" "b\r\n"), 400, "control_byte"},
           {get("X: a\x7f\r\n"), 400, "bad_field"},
           {get("X: a\rb\r\n"), 400, "bare_cr"},
           {get("X:\rTransfer-Encoding: chunked\r\n"), 400, "bare_cr"},   // CVE-2023-30589
           {get("X: a\n"), 400, "bare_lf"},
           {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "bare_lf"},
           {"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare_lf"},
           {"GET / HTTP/1.1\r\nHost: a\r\n\r\rX", 400, "bare_cr"},         // CVE-2025-23167
       }) {
    check(row);
  }
}

TEST(H1Request, llhttp_is_built_strict) {
  // Loose llhttp, its header's default, takes this; nothing but llhttp looks at it.
  check({get("X Y: a\r\n"), 400, "bad_field"});
}

TEST(H1Request, request_line_is_strict) {
  for (const Row& row : {
           Row{"GET / HTTP/1.0\r\n\r\n", 200, "ok"},
           {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "unsupported_version"},
           {"GET / HTTP/1.11\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "unknown_method"},
           {"QUERY / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "unknown_method"},
           {"BIND / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "unknown_method"},
           {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"GET /\r\n\r\n", 505, "unsupported_version"},
           {"GET / HTTP/0.9\r\n\r\n", 505, "unsupported_version"},
           {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported_version"},
           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported_version"},
           {"SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"PLAY / RTSP/1.0\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"OPTIONS / RTSP/1.0\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "connect_refused"},
           {"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", 501, "connect_refused"},
           {"CONNECT a:80@b HTTP/1.1\r\nHost: a\r\n\r\n", 501, "connect_refused"},
           {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "trace_refused"},
           {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok"},
           {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"},
           {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bare_lf"},
           {"\x16\x03\x01\x02"s, 400, "control_byte"},
           {"foo\r\n\r\n", 400, "bad_request_line"},
           {"\r", 0, "incomplete"},
       }) {
    check(row);
  }
}

TEST(H1Request, targets_have_one_reading) {
  for (const Row& row : {
           Row{target("/a?b=%zz&c={d}|e"), 200, "ok"},
           {target("/\0x"s), 400, "control_byte"},
           {target("/\x01"), 400, "control_byte"},
           {target("/ x"), 400, "bad_request_line"},
           {target("/\tx"), 400, ""},
           {target("/\x0c"), 400, "control_byte"},
           {target("/\x7f"), 400, "bad_path"},
           {target("/\xc3\xa9"), 400, "bad_path"},
           {target("foo"), 400, "bad_target"},
           {target("?a"), 400, "bad_target"},
           {target("a:80"), 400, "bad_target"},
           {target("/<a>"), 400, "bad_path"},
           {target("/\"a\""), 400, "bad_path"},
           {target("/{a}"), 400, "bad_path"},
           {target("/a|b"), 400, "bad_path"},
           {target("/a\\b"), 400, "bad_path"},
           {target("/a^b"), 400, "bad_path"},
           {target("/a`b"), 400, "bad_path"},
           {target("/a#frag"), 400, ""},
           {target("/a?b#frag"), 400, ""},
           {target("/%zz"), 400, "bad_path"},
           {target("/%4"), 400, "bad_path"},
           {target("/%00"), 400, "bad_path"},
           {target("//evil"), 400, "empty_segment"},
           {target("/a%2fb"), 400, "encoded_slash"},
           {target("/../a"), 400, "bad_path"},
           {target("*"), 400, "bad_target"},
           {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok"},
           {target("http://a/b"), 200, "ok"},
           {target("ftp://a/b"), 400, "bad_target"},
           {target("http://u@a/b"), 400, "bad_target"},
           {target("http://u@v@a/b"), 400, "bad_target"},
           {target("http:///b"), 400, "bad_target"},
           {target("http://[::1/b"), 400, "bad_target"},
           {target("http://b/"), 400, "host_mismatch"},
       }) {
    check(row);
  }
}

TEST(H1Request, host_is_one_authority) {
  for (const Row& row : {
           Row{host("example.org:8080"), 200, "ok"},
           {host("[::1]:80"), 200, "ok"},
           {"GET / HTTP/1.1\r\n\r\n", 400, "missing_host"},
           {"GET http://a/ HTTP/1.1\r\n\r\n", 400, "missing_host"},
           {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_host"},
           {host(""), 400, "bad_host"},
           {host("a/b?c@d e"), 400, "bad_host"},
           {host("a, b"), 400, "bad_host"},
           {host("a:99999"), 400, "bad_host"},
           {host("a:"), 400, "bad_host"},
           {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400, "bad_host"},
       }) {
    check(row);
  }
}

TEST(H1Request, chunks_are_strict) {
  std::string extension = "1;" + std::string(40'000, 'x') + "\r\na\r\n0\r\n\r\n";
  for (const Row& row : {
           Row{chunked("3\r\nabc\r\n0\r\n\r\n"), 200, "ok"},
           {chunked("A\r\n0123456789\r\n00\r\n\r\n"), 200, "ok"},
           {chunked("3;a=b;c=\"d;e f\"\r\nabc\r\n0;x\r\n\r\n"), 200, "ok"},
           {chunked("3\r\nab"), 0, "incomplete"},
           {chunked("3 \r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3\t\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("+3\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("1_0\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3\rXabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("00000000000000003\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("10000000000000000\r\n"), 400, "chunk_invalid"},
           {chunked("ffffffffffffffff\r\n"), 400, "chunk_invalid"},
           {chunked(std::string(100, '0') + "3\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3\r\nabcXX0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3\r\nabc\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3;a\x01\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3;a\nb\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked("3;\r\nabc\r\n0\r\n\r\n"), 400, "chunk_invalid"},
           {chunked(extension), 400, "chunk_overhead"},
           {chunked("0\r\n\n"), 400, "bare_lf"},
       }) {
    check(row);
  }
}

TEST(H1Request, trailers_may_not_frame_route_or_authenticate) {
  for (const Row& row : {
           Row{chunked("0\r\nX-Checksum: 1\r\ngrpc-status: 0\r\n\r\n"), 200, "ok"},
           {chunked("0\r\nContent-Length: 3\r\n\r\n"), 400, "bad_trailer"},
           {chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, "bad_trailer"},
           {chunked("0\r\nContent_Length: 3\r\n\r\n"), 400, "bad_trailer"},
           {chunked("0\r\nHost: b\r\n\r\n"), 400, "bad_trailer"},
           {chunked("0\r\nAuthorization: x\r\n\r\n"), 400, "bad_trailer"},
           {chunked("0\r\nX-Forwarded-For: x\r\n\r\n"), 400, "bad_trailer"},
           {chunked("0\r\nX : x\r\n\r\n"), 400, "bad_field_name"},
           {chunked("0\r\nX\r\n\r\n"), 400, "bad_field"},
           {chunked("0\r\n: x\r\n\r\n"), 400, "bad_field_name"},
           {chunked("0\r\nX: a\x7f\r\n\r\n"), 400, "bad_field"},
           {chunked("0\r\nX: a\r\n b\r\n\r\n"), 400, "folded_line"},
           {chunked("0\r\nX: a\r\n"), 0, "incomplete"},
       }) {
    check(row);
  }
}

TEST(H1Request, limits_have_their_own_status) {
  H1Limits limits{
      .line_bytes_max = 40, .header_bytes_max = 100, .headers_max = 5, .body_bytes_max = 10};
  auto line_of = [](size_t bytes) { return "GET /" + std::string(bytes - 14, 'a') + " HTTP/1.1"; };
  std::string four = "Host: a\r\na:b\r\na:b\r\na:b\r\n";   // 9 + 3 * 5 bytes
  for (const Row& row : {
           Row{line_of(40) + "\r\nHost: a\r\n\r\n", 200, "ok"},
           {line_of(41) + "\r\nHost: a\r\n\r\n", 414, "request_line_too_long"},
           {line_of(41), 414, "request_line_too_long"},  // no line end has come
           {std::string(41, 'G'), 414, "request_line_too_long"},
           {"GET / HTTP/1.1\r\n" + four + "a:b\r\n\r\n", 200, "ok"},
           {"GET / HTTP/1.1\r\n" + four + "a:b\r\na:b\r\n\r\n", 431, "too_many_headers"},
           {"GET / HTTP/1.1\r\n" + four + std::string(72, 'x') + ":b\r\n\r\n", 200, "ok"},
           {"GET / HTTP/1.1\r\n" + four + std::string(75, 'x') + ":b\r\n\r\n", 431,
            "headers_too_large"},
           {"GET / HTTP/1.1\r\nHost: " + std::string(100, 'x'), 431, "headers_too_large"},
           {post("Content-Length: 10\r\n", "0123456789"), 200, "ok"},
           {post("Content-Length: 11\r\n", ""), 413, "body_too_large"},
           {chunked("0\r\nX: " + std::string(100, 'x')), 431, "headers_too_large"},
           {chunked("0\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n\r\n"), 431,
            "too_many_headers"},
       }) {
    check(row, limits);
  }
  check({"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1 << 20, 'x'), 431, "headers_too_large"});
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 1000; ++i) many += "a: b\r\n";
  check({many + "\r\n", 431, "too_many_headers"});
}

TEST(H1Request, bodies_on_get_are_framed_like_others) {
  check({"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET", 200, "ok"});
  check({"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET",
         200, "ok"});
}

TEST(H1Request, connection_may_not_strip_what_matters) {
  for (const Row& row : {
           Row{get("Connection: close, X-Foo\r\nX-Foo: 1\r\n"), 200, "ok"},
           {get("Connection: TE, HTTP2-Settings, upgrade\r\n"), 200, "ok"},
           {get("Connection: authorization\r\n"), 400, "bad_connection"},
           {get("Connection: Host\r\n"), 400, "bad_connection"},
           {get("Connection: close, X-Forwarded-For\r\n"), 400, "bad_connection"},
           {get("Connection: Forwarded\r\n"), 400, "bad_connection"},
           {get("Connection: Content-Length\r\n"), 400, "bad_connection"},
           {get("Connection: cookie\r\n"), 400, "bad_connection"},
           {get("Connection: transfer-encoding\r\n"), 400, "bad_connection"},
           {get("Connection: a b\r\n"), 400, "bad_connection"},
           {get("Connection: a,b,c,d,e,f,g,h\r\n"), 200, "ok"},
           {get("Connection: a,b,c,d,e,f,g,h,i\r\n"), 400, "bad_connection"},
           {get("Expect: 100-Continue\r\n"), 200, "ok"},
           {get("Expect: cake\r\n"), 417, "bad_expect"},
           {get("Expect: 100-continue\r\nExpect: cake\r\n"), 417, "bad_expect"},
       }) {
    check(row);
  }
}

}  // namespace
}  // namespace sluice::http
