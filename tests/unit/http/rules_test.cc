// What the tables of whole messages (h1_request_verdicts_test.cc, h1_head_test.cc) do not reach.
#include "http/rules.h"

#include <gtest/gtest.h>

#include <string>

#include "http/h1_problems.h"

namespace sluice::http {
namespace {

TEST(ContentLength, is_plain_decimal) {
  EXPECT_EQ(parse_content_length("0"), 0u);
  EXPECT_EQ(parse_content_length("42"), 42u);
  EXPECT_EQ(parse_content_length("9999999999999999999"), 9999999999999999999u);
  for (std::string_view text :
       {"", "00", "042", "+1", "-1", "1 ", " 1", "1,1", "0x1", "10000000000000000000"}) {
    EXPECT_EQ(parse_content_length(text), std::nullopt) << text;
  }
}

TEST(RequestLine, is_filled_as_far_as_it_goes) {
  RequestLine line;
  EXPECT_EQ(split_request_line("GET /a HTTP/1.0", line), nullptr);
  EXPECT_EQ(line.method, "GET");
  EXPECT_EQ(line.target, "/a");
  EXPECT_EQ(line.version, Version::h1_0);
  RequestLine refused;
  EXPECT_EQ(split_request_line("GET /a b HTTP/1.1", refused), &kBadRequestLine);
  EXPECT_EQ(refused.target, "/a b");
  for (std::string_view text : {"", " ", "GET", "GET ", "GET  ", " / HTTP/1.1", "GET / "}) {
    EXPECT_NE(split_request_line(text, refused), nullptr) << text;
  }
}

TEST(StatusLine, is_cut_at_its_spaces) {
  StatusLine line;
  EXPECT_TRUE(split_status_line("HTTP/1.0 503 a b ", line));
  EXPECT_EQ(line.status, 503);
  EXPECT_EQ(line.version, Version::h1_0);
  EXPECT_EQ(line.reason, "a b ");
  for (std::string_view text :
       {"", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 20x", "HTTP/1.1-200 OK"}) {
    StatusLine refused;
    EXPECT_FALSE(split_status_line(text, refused)) << text;
  }
}

TEST(Trailers, exclude_what_must_come_before_the_body) {
  for (std::string_view name : {"X-Sum", "grpc-status", "Server-Timing", "ETag", "Digest"}) {
    EXPECT_TRUE(may_be_trailer(field_id(name), name)) << name;
  }
  for (std::string_view name : {"Host",
                                "Content-Length",
                                "content_length",
                                "Transfer_Encoding",
                                "TE",
                                "Trailer",
                                "Authorization",
                                "Cookie",
                                "Set-Cookie",
                                "X-Forwarded-For",
                                "Via",
                                "Forwarded",
                                "Content-Type",
                                "Content-Encoding",
                                "content-range",
                                "Cache-Control",
                                "Expect",
                                "WWW-Authenticate",
                                "Max-Forwards",
                                "Location",
                                "Range",
                                "If-Match"}) {
    EXPECT_FALSE(may_be_trailer(field_id(name), name)) << name;
  }
}

TEST(HopByHop, keeps_the_announcement_of_trailers) {
  EXPECT_TRUE(is_hop_by_hop(FieldId::connection));
  EXPECT_TRUE(is_hop_by_hop(FieldId::proxy_authorization));
  EXPECT_FALSE(is_hop_by_hop(FieldId::trailer));
  EXPECT_FALSE(is_hop_by_hop(FieldId::other));
  EXPECT_FALSE(is_hop_by_hop(FieldId::forwarded));
}

TEST(KeepAlive, timeout_is_bounded) {
  BlockPool pool;
  Arena arena(pool);
  for (auto [value, seconds] :
       {std::pair<std::string_view, std::optional<uint32_t>>{"timeout=5", 5},
        {"max=1, Timeout=0", 0},
        {"timeout=99999999999", 86'400},
        {"timeout=x", std::nullopt},
        {"timeout", std::nullopt}}) {
    Fields fields(arena);
    fields.add("Keep-Alive", value);
    EXPECT_EQ(read_declared(fields).keep_alive_seconds, seconds) << value;
  }
}

}  // namespace
}  // namespace sluice::http
