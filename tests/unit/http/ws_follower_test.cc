#include "http/ws_follower.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::http {
namespace {

std::string frame(uint8_t first, size_t length, bool masked, std::string_view payload_start = {}) {
  std::string out(1, static_cast<char>(first));
  char mask_bit = masked ? '\x80' : '\0';
  if (length < 126) {
    out += static_cast<char>(static_cast<char>(length) | mask_bit);
  } else if (length < 65536) {
    out += static_cast<char>(126 | mask_bit);
    out += static_cast<char>(length >> 8);
    out += static_cast<char>(length & 255);
  } else {
    out += static_cast<char>(127 | mask_bit);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift & 255);
  }
  constexpr char kMask[] = {1, 2, 3, 4};
  if (masked) out.append(kMask, 4);
  std::string payload(payload_start);
  payload.resize(length, 'x');
  if (masked) {
    for (size_t i = 0; i < length; ++i) payload[i] = static_cast<char>(payload[i] ^ kMask[i % 4]);
  }
  return out + payload;
}

struct Case {
  const char* what;
  std::string bytes;
};

std::vector<Case> frames() {
  std::vector<Case> out;
  for (bool masked : {false, true}) {
    for (size_t length : {0u, 1u, 5u, 125u, 126u, 127u, 65535u, 65536u, 70000u}) {
      out.push_back({"text", frame(0x81, length, masked)});
    }
    out.push_back({"fragment", frame(0x01, 3, masked)});
    out.push_back({"ping", frame(0x89, 0, masked)});
    out.push_back({"longest length form", std::string("\x82\x7f\0\0\0\0\0\0\0\x02", 10) + "ab"});
  }
  return out;
}

TEST(WsFollower, ends_each_frame_where_it_ends_however_it_is_cut) {
  for (const Case& each : frames()) {
    std::string next = frame(0x82, 2, false);
    for (size_t cut = 0; cut <= std::min<size_t>(each.bytes.size(), 20); ++cut) {
      WsFollower frames;
      std::string_view head = std::string_view(each.bytes).substr(0, cut);
      EXPECT_EQ(frames.next(head), cut) << each.what;
      EXPECT_EQ(frames.at_boundary(), cut == 0 || cut == each.bytes.size()) << each.what << " cut at " << cut;
      if (cut == each.bytes.size()) continue;
      std::string rest = each.bytes.substr(cut) + next;
      EXPECT_EQ(frames.next(rest), each.bytes.size() - cut) << each.what << " cut at " << cut;
      EXPECT_TRUE(frames.at_boundary());
      EXPECT_FALSE(frames.closed());
    }
  }
}

TEST(WsFollower, follows_byte_by_byte_what_it_follows_at_once) {
  std::string all;
  for (const Case& each : frames()) all += each.bytes;
  all += frame(0x88, 2, true, "\x03\xe8");
  WsFollower at_once, byte_by_byte;
  at_once.follow(all);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_FALSE(byte_by_byte.closed());
    byte_by_byte.follow(std::string_view(all).substr(i, 1));
  }
  EXPECT_TRUE(at_once.closed() && at_once.at_boundary());
  EXPECT_TRUE(byte_by_byte.closed() && byte_by_byte.at_boundary());
  EXPECT_EQ(at_once.code(), 1000);
  EXPECT_EQ(byte_by_byte.code(), 1000);
}

TEST(WsFollower, reads_the_code_of_a_close) {
  struct {
    std::string bytes;
    int code;
  } const cases[] = {
      {frame(0x88, 0, false), 0},
      {frame(0x88, 0, true), 0},
      {frame(0x88, 1, true, "\x03"), 0},   // not whole: no code
      {frame(0x88, 2, false, "\x03\xe9"), 1001},
      {frame(0x88, 2, true, "\x03\xf3"), 1011},
      {frame(0x88, 40, true, "\x0f\xa0 and a reason"), 4000},
  };
  for (const auto& each : cases) {
    WsFollower frames;
    frames.follow(each.bytes);
    EXPECT_TRUE(frames.closed());
    EXPECT_EQ(frames.code(), each.code);
  }
}

// Found by ws_follower_fuzz: frames behind a Close took its code away, some of them.
TEST(WsFollower, the_first_close_counts) {
  WsFollower frames;
  frames.follow(frame(0x88, 2, true, "\x03\xe9") + frame(0x89, 0, false) + frame(0x88, 2, true, "\x0f\xa0"));
  EXPECT_TRUE(frames.closed() && frames.at_boundary());
  EXPECT_EQ(frames.code(), 1001);
}

TEST(WsFollower, a_length_beyond_all_bounds_never_ends) {
  WsFollower frames;
  std::string header = "\x82\xff" + std::string(8, '\xff');
  frames.follow(header + std::string(100'000, 'x'));
  EXPECT_FALSE(frames.at_boundary());
}

TEST(WsFollower, what_write_close_writes_is_a_close) {
  BlockPool blocks;
  const uint32_t mask = 0x12345678;
  for (const uint32_t* key : {static_cast<const uint32_t*>(nullptr), &mask}) {
    Chain out;
    write_close(WsClose::service_restart, "gateway restarts", key, blocks, out);
    WsFollower frames;
    std::string bytes = out.to_string();
    EXPECT_EQ(frames.next(bytes + "x"), bytes.size());
    EXPECT_TRUE(frames.closed());
    EXPECT_EQ(frames.code(), 1012);
    EXPECT_EQ(static_cast<uint8_t>(bytes[1]) >> 7, key ? 1 : 0);
    if (!key) {
      EXPECT_EQ(bytes.substr(4), "gateway restarts");
    }
  }
  Chain out;
  write_close(WsClose::normal, std::string(500, 'r'), nullptr, blocks, out);
  EXPECT_LE(out.size(), 127u);
}

}  // namespace
}  // namespace sluice::http
