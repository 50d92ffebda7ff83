// RFC 6455 frame by frame.
#include "http/ws_frame.h"

#include <gtest/gtest.h>

#include "unit/http/ws_frames.h"

namespace sluice::http {
namespace {

TEST(WsReader, judges_as_the_standard_says_however_the_bytes_come) {
  for (bool of_client : {true, false}) {
    for (const WsCase& each : ws_cases(of_client)) {
      for (size_t step : {size_t{1}, size_t{2}, size_t{5}, size_t{7}, each.bytes.size()}) {
        WsVerdict verdict = read_ws(each.bytes, step, {.masked = of_client});
        EXPECT_EQ(static_cast<int>(verdict.fault), static_cast<int>(each.fault))
            << each.what << " by " << step << (of_client ? " of a client" : " of a server");
      }
    }
  }
}

TEST(WsReader, bounds_messages_over_their_fragments) {
  WsRules rules{.masked = true, .message_bytes_max = 10};
  std::string good = ws_frame(0x01, "12345") + ws_frame(0x89, "ping") + ws_frame(0x80, "67890");
  EXPECT_EQ(read_ws(good + good, 3, rules).fault, WsClose::none);
  EXPECT_TRUE(read_ws(good, 3, rules).idle);
  EXPECT_FALSE(read_ws(ws_frame(0x01, "1"), 3, rules).idle);
  EXPECT_EQ(read_ws(ws_frame(0x81, "12345678901"), 3, rules).fault, WsClose::too_big);
  EXPECT_EQ(read_ws(ws_frame(0x01, "12345") + ws_frame(0x80, "678901"), 3, rules).fault, WsClose::too_big);
  std::string huge = "\x82\xff" + std::string(1, '\x7f') + std::string(7, '\xff') + "mask";
  EXPECT_EQ(read_ws(huge, 3, rules).fault, WsClose::too_big);   // before any of it is held
}

TEST(WsReader, nothing_follows_a_close) {
  WsRules rules;
  WsReader reader(rules, false);
  WsHeader header;
  ASSERT_TRUE(parse_ws_header(ws_frame(0x88, ""), header));
  EXPECT_EQ(reader.begin(header), WsClose::none);
  EXPECT_TRUE(reader.closed());
  ASSERT_TRUE(parse_ws_header(ws_frame(0x81, ""), header));
  EXPECT_EQ(reader.begin(header), WsClose::protocol_error);
}

TEST(WsReader, takes_a_servers_frames_without_masks_alone) {
  WsRules rules{.masked = false};
  EXPECT_EQ(read_ws(ws_frame(0x81, "x", false), 1, rules).fault, WsClose::none);
  EXPECT_EQ(read_ws(ws_frame(0x81, "x"), 1, rules).fault, WsClose::protocol_error);
}

// RFC 7692 section 6: the bit stands on the first frame of a message, and nowhere without an agreement.
TEST(WsReader, knows_where_the_bit_of_compression_may_stand) {
  struct Row {
    uint8_t first, second;
    WsClose fault;
  };
  constexpr Row kRows[] = {{0xc1, 0x82, WsClose::none},           {0x41, 0x80, WsClose::none},
                           {0x41, 0xc0, WsClose::protocol_error}, {0x01, 0xc0, WsClose::protocol_error},
                           {0xc1, 0xc9, WsClose::protocol_error}, {0xe1, 0x80, WsClose::protocol_error}};
  for (const Row& row : kRows) {
    WsRules rules;
    WsReader reader(rules, true);
    WsClose fault = WsClose::none;
    for (uint8_t first : {row.first, row.second}) {
      WsHeader header;
      ASSERT_TRUE(parse_ws_header(ws_frame(first, "x"), header));
      fault = reader.begin(header);
      if (fault != WsClose::none) break;
      fault = reader.skip(1);
    }
    EXPECT_EQ(fault, row.fault) << std::hex << int{row.first} << " " << int{row.second};
  }
}

TEST(WsReader, counts_what_came_of_compressed_bytes) {
  WsRules rules{.masked = true, .message_bytes_max = 100};
  WsReader reader(rules, true);
  WsHeader header;
  ASSERT_TRUE(parse_ws_header(ws_frame(0xc1, "x"), header));
  EXPECT_EQ(reader.begin(header), WsClose::none);
  EXPECT_EQ(reader.inflated(std::string(100, 'a')), WsClose::none);
  EXPECT_EQ(reader.inflated("a"), WsClose::too_big);
  WsReader second(rules, true);
  ASSERT_TRUE(parse_ws_header(ws_frame(0xc1, std::string(170, 'x')), header));   // no deflate makes so much of 100
  EXPECT_EQ(second.begin(header), WsClose::too_big);
}

TEST(WsMask, is_the_same_by_words_and_by_bytes) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += static_cast<char>(i * 7);
  for (size_t size = 0; size <= 40; ++size) {
    for (uint64_t offset = 0; offset < 9; ++offset) {
      std::string fast = bytes.substr(0, size), slow = fast;
      apply_ws_mask(fast.data(), size, kFrameKey, offset);
      for (size_t i = 0; i < size; ++i) {
        slow[i] = static_cast<char>(slow[i] ^ reinterpret_cast<const char*>(&kFrameKey)[(offset + i) % 4]);
      }
      EXPECT_EQ(fast, slow) << size << " at " << offset;
    }
  }
}

}  // namespace
}  // namespace sluice::http
