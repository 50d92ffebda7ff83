#include <gtest/gtest.h>

#include <string>

#include "http/h1_parser.h"
#include "http/h1_problems.h"

namespace sluice::http {
namespace {

using State = HeadScanner::State;
using Kind = HeadScanner::Kind;

TEST(HeadScanner, ends_at_the_first_empty_line_however_the_bytes_come) {
  H1Limits limits;
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX:\t12345678\r\n\r\n";
  std::string bytes = head + "body\r\n\r\n";
  for (size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner(Kind::request, limits);
    ASSERT_EQ(scanner.scan(std::string_view(bytes).substr(0, cut)), State::incomplete) << cut;
    ASSERT_EQ(scanner.started(), cut > 0);
    ASSERT_EQ(scanner.scan(bytes), State::complete) << cut;
    EXPECT_EQ(scanner.size(), head.size());
    EXPECT_EQ(scanner.skipped(), 0u);
  }
}

TEST(HeadScanner, has_not_started_before_the_request_line) {
  H1Limits limits;
  HeadScanner scanner(Kind::request, limits);
  EXPECT_EQ(scanner.scan(""), State::incomplete);
  EXPECT_EQ(scanner.scan("\r"), State::incomplete);
  EXPECT_EQ(scanner.scan("\r\n"), State::incomplete);
  EXPECT_FALSE(scanner.started());
  EXPECT_EQ(scanner.scan("\r\nG"), State::incomplete);
  EXPECT_TRUE(scanner.started());
  EXPECT_EQ(scanner.scan("\r\nGET / HTTP/1.0\r\n\r\n"), State::complete);
  EXPECT_EQ(scanner.skipped(), 2u);
  EXPECT_EQ(scanner.size(), 18u);
}

TEST(HeadScanner, takes_an_empty_trailer_block) {
  H1Limits limits;
  HeadScanner scanner(Kind::trailers, limits);
  EXPECT_EQ(scanner.scan("\r"), State::incomplete);
  EXPECT_EQ(scanner.scan("\r\nGET"), State::complete);
  EXPECT_EQ(scanner.size(), 2u);
}

TEST(HeadScanner, stays_refused) {
  H1Limits limits;
  HeadScanner scanner(Kind::request, limits);
  EXPECT_EQ(scanner.scan("GET\n"), State::refused);
  EXPECT_EQ(scanner.scan("GET\n / HTTP/1.1\r\n\r\n"), State::refused);
  EXPECT_EQ(&scanner.problem(), &kBareLf);
}

TEST(HeadScanner, finds_a_control_byte_at_every_offset) {
  H1Limits limits;
  for (size_t at = 0; at < 40; ++at) {
    for (unsigned char c = 0; c < 0x20; ++c) {
      std::string bytes(41,
                        '\x80');  // bytes whose top bit is set must not hide it, nor look like it
      bytes[at] = static_cast<char>(c);
      HeadScanner scanner(Kind::response, limits);
      State state = scanner.scan(bytes);
      EXPECT_EQ(state == State::refused, c != '\t') << at << " " << int{c};
    }
  }
}

}  // namespace
}  // namespace sluice::http
