#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::net {
namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(char version_command, char family_socket, const std::string& body) {
  std::string header = kSignature;
  header += version_command;
  header += family_socket;
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size());
  return header + body;
}

const std::string kInet = "\x01\x02\x03\x04\x0a\x00\x00\x01\x30\x39\x01\xbb"s;
const std::string kInet6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" +
                           std::string(15, '\0') + "\x01\x30\x39\x01\xbb"s;
const std::string kTlv = "\x03\x00\x04\xde\xad\xbe\xef"s;

struct Good {
  const char* name;
  std::string bytes;
  const char* client;  // "" when the header names none
  const char* destination;
};

const std::vector<Good>& good() {
  static const std::vector<Good> all = {
      {"tcp4 line", "PROXY TCP4 1.2.3.4 10.0.0.1 12345 443\r\n", "1.2.3.4:12345", "10.0.0.1:443"},
      {"tcp6 line", "PROXY TCP6 2001:db8::1 ::1 12345 443\r\n", "[2001:db8::1]:12345", "[::1]:443"},
      {"longest line",
       "PROXY TCP6 ffff:f:f:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
       "65535\r\n",
       "[ffff:f:f:ffff:ffff:ffff:ffff:ffff]:65535",
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
      {"unknown line", "PROXY UNKNOWN\r\n", "", ""},
      {"unknown line with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", ""},
      {"inet", v2(0x21, 0x11, kInet), "1.2.3.4:12345", "10.0.0.1:443"},
      {"inet with a tlv", v2(0x21, 0x11, kInet + kTlv), "1.2.3.4:12345", "10.0.0.1:443"},
      {"inet6", v2(0x21, 0x21, kInet6), "[2001:db8::1]:12345", "[::1]:443"},
      {"inet6 with two tlvs", v2(0x21, 0x21, kInet6 + kTlv + kTlv), "[2001:db8::1]:12345",
       "[::1]:443"},
      {"local", v2(0x20, 0x00, ""), "", ""},
      {"local with addresses", v2(0x20, 0x11, kInet), "", ""},
      {"unspecified", v2(0x21, 0x00, "anything"), "", ""},
      {"unix", v2(0x21, 0x31, std::string(216, 'x')), "", ""},
      {"datagram", v2(0x21, 0x12, kInet), "", ""},
      {"longest", v2(0x21, 0x11, kInet + "\x04\x01\xf9"s + std::string(505, '\0')), "1.2.3.4:12345",
       "10.0.0.1:443"},
  };
  return all;
}

TEST(ProxyProtocol, reads_every_form_whole_with_what_follows) {
  for (const Good& row : good()) {
    ProxyOutcome outcome = parse_proxy_header(row.bytes + "GET / HTTP/1.1\r\n");
    ASSERT_EQ(outcome.verdict, ProxyVerdict::done) << row.name << ": " << outcome.why;
    EXPECT_EQ(outcome.header.consumed, row.bytes.size()) << row.name;
    EXPECT_EQ(outcome.header.has_addresses(), row.client[0] != '\0') << row.name;
    if (!outcome.header.has_addresses()) continue;
    EXPECT_EQ(outcome.header.client.to_string(), row.client) << row.name;
    EXPECT_EQ(outcome.header.destination.to_string(), row.destination) << row.name;
  }
}

TEST(ProxyProtocol, asks_for_more_at_every_cut) {
  for (const Good& row : good()) {
    for (size_t size = 0; size < row.bytes.size(); ++size) {
      EXPECT_EQ(parse_proxy_header(row.bytes.substr(0, size)).verdict, ProxyVerdict::need_more)
          << row.name << " at " << size;
    }
  }
}

TEST(ProxyProtocol, refuses_what_it_cannot_trust_and_stays_with_it) {
  const std::vector<std::pair<const char*, std::string>> rows = {
      {"no header", "GET / HTTP/1.1\r\n"},
      {"lower case", "proxy TCP4 1.2.3.4 10.0.0.1 1 2\r\n"},
      {"bare lf", "PROXY TCP4 1.2.3.4 10.0.0.1 1 2\n"},
      {"protocol", "PROXY UDP4 1.2.3.4 10.0.0.1 1 2\r\n"},
      {"protocol alone", "PROXY TCP4\r\n"},
      {"nothing", "PROXY \r\n"},
      {"unknown glued", "PROXY UNKNOWNX\r\n"},
      {"field missing", "PROXY TCP4 1.2.3.4 10.0.0.1 1\r\n"},
      {"field too many", "PROXY TCP4 1.2.3.4 10.0.0.1 1 2 3\r\n"},
      {"two spaces", "PROXY TCP4  1.2.3.4 10.0.0.1 1 2\r\n"},
      {"trailing space", "PROXY TCP4 1.2.3.4 10.0.0.1 1 2 \r\n"},
      {"port range", "PROXY TCP4 1.2.3.4 10.0.0.1 65536 2\r\n"},
      {"port sign", "PROXY TCP4 1.2.3.4 10.0.0.1 +1 2\r\n"},
      {"port zeros", "PROXY TCP4 1.2.3.4 10.0.0.1 01 2\r\n"},
      {"bad address", "PROXY TCP4 1.2.3.400 10.0.0.1 1 2\r\n"},
      {"wrong family", "PROXY TCP4 ::1 10.0.0.1 1 2\r\n"},
      {"wrong family 6", "PROXY TCP6 ::1 10.0.0.1 1 2\r\n"},
      {"line without end", "PROXY TCP4 " + std::string(200, '1')},
      {"unknown without end", "PROXY UNKNOWN " + std::string(200, '1')},
      {"version 1 in binary", v2(0x11, 0x11, kInet)},
      {"command", v2(0x22, 0x11, kInet)},
      {"family", v2(0x21, 0x41, kInet)},
      {"transport", v2(0x21, 0x13, kInet)},
      {"short inet", v2(0x21, 0x11, kInet.substr(1))},
      {"short inet6", v2(0x21, 0x21, kInet)},
      {"short unix", v2(0x21, 0x31, std::string(215, 'x'))},
      {"tlv beyond the end", v2(0x21, 0x11, kInet + "\x03\x00\x05\xde\xad\xbe\xef"s)},
      {"half a tlv", v2(0x21, 0x11, kInet + "\x03\x00"s)},
      {"too long", kSignature + "\x21\x11\x02\x09"s},
      {"signature broken", "\r\n\r\n\0\r\nQUIX\n"s},
  };
  for (const auto& [name, bytes] : rows) {
    ProxyOutcome whole = parse_proxy_header(bytes);
    EXPECT_EQ(whole.verdict, ProxyVerdict::refused) << name;
    EXPECT_NE(std::string(whole.why), "") << name;
    // Byte by byte: more is asked for until it is refused, never taken for good.
    bool was_refused = false;
    for (size_t size = 0; size <= bytes.size(); ++size) {
      ProxyVerdict verdict = parse_proxy_header(bytes.substr(0, size)).verdict;
      EXPECT_NE(verdict, ProxyVerdict::done) << name << " at " << size;
      EXPECT_TRUE(!was_refused || verdict == ProxyVerdict::refused) << name << " at " << size;
      was_refused = verdict == ProxyVerdict::refused;
    }
  }
}

TEST(ProxyProtocol, refuses_a_foreign_first_byte_at_once) {
  EXPECT_EQ(parse_proxy_header("G").verdict, ProxyVerdict::refused);
  EXPECT_EQ(parse_proxy_header("\x16").verdict, ProxyVerdict::refused);
}

}  // namespace
}  // namespace sluice::net
