#include "http/ws_deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sluice::http {
namespace {

struct Heads {
  BlockPool blocks;
  Arena arena{blocks};
  Fields request{arena}, response{arena};

  Heads(std::string_view offer, std::string_view answer) {
    if (!offer.empty()) request.add(FieldId::sec_websocket_extensions, offer);
    if (!answer.empty()) response.add(FieldId::sec_websocket_extensions, answer);
  }
};

TEST(WsExtensions, offers_that_can_be_read_stay) {
  struct Row {
    const char *given, *kept;
  };
  constexpr Row kRows[] = {
      {"permessage-deflate", "permessage-deflate"},
      {"permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits"},
      {"x-other, Permessage-Deflate; server_max_window_bits=\"10\", bbf-usp", "Permessage-Deflate; server_max_window_bits=\"10\""},
      {"permessage-deflate; server_max_window_bits=7, permessage-deflate", "permessage-deflate"},
      {"permessage-deflate; server_max_window_bits", ""},
      {"permessage-deflate; client_no_context_takeover=1", ""},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
      {"permessage-deflate; server_max_window_bits=010", ""},
      {"permessage-deflate; mystery", ""},
      {"permessage-deflate;", ""},
      {"deflate-frame", ""},
  };
  for (const Row& row : kRows) {
    Heads heads(row.given, "");
    EXPECT_EQ(ws_deflate_offers(heads.request, heads.arena), row.kept) << row.given;
  }
}

TEST(WsExtensions, what_was_not_offered_is_not_accepted) {
  struct Row {
    const char *offer, *answer;
    bool good;
  };
  constexpr Row kRows[] = {
      {"", "", true},
      {"permessage-deflate", "", true},
      {"", "permessage-deflate", false},
      {"permessage-deflate", "permessage-deflate", true},
      {"permessage-deflate", "permessage-deflate, permessage-deflate", false},
      {"permessage-deflate", "x-other", false},
      {"permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
      {"permessage-deflate", "permessage-deflate; client_max_window_bits=10", false},
      {"permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=10", true},
      {"permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits", false},
      {"permessage-deflate; client_max_window_bits=9", "permessage-deflate; client_max_window_bits=10", false},
      {"permessage-deflate; server_max_window_bits=10", "permessage-deflate", false},
      {"permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=9", true},
      {"permessage-deflate; server_no_context_takeover", "permessage-deflate", false},
      {"permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate", true},
  };
  for (const Row& row : kRows) {
    Heads heads(row.offer, row.answer);
    EXPECT_EQ(read_ws_extensions(heads.request, heads.response).has_value(), row.good) << row.offer << " / " << row.answer;
  }
}

TEST(WsExtensions, say_whose_window_goes_on) {
  Heads heads("permessage-deflate; client_max_window_bits",
              "permessage-deflate; server_no_context_takeover; client_max_window_bits=11");
  auto agreed = read_ws_extensions(heads.request, heads.response);
  ASSERT_TRUE(agreed && agreed->agreed);
  EXPECT_TRUE(agreed->client.keeps);
  EXPECT_EQ(agreed->client.window_bits, 11);
  EXPECT_FALSE(agreed->upstream.keeps);
  EXPECT_EQ(agreed->upstream.window_bits, 15);
}

/// Compresses as RFC 7692 section 7.2.1 says, the window going on.
class Deflater {
 public:
  explicit Deflater(int bits = 15) { EXPECT_EQ(deflateInit2(&stream_, 6, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK); }
  ~Deflater() { deflateEnd(&stream_); }
  std::string message(std::string_view text, int flush = Z_SYNC_FLUSH) {
    std::string out(text.size() + 1000, '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    deflate(&stream_, flush);
    out.resize(out.size() - stream_.avail_out);
    if (flush == Z_FINISH) return out + '\0';   // as section 7.2.3.4 shows
    if (text.empty() && out.empty()) return std::string(1, '\0');   // nothing new for zlib: section 7.2.3.6
    EXPECT_TRUE(out.ends_with(WsInflater::kTail));
    out.resize(out.size() - WsInflater::kTail.size());
    return out;
  }

 private:
  z_stream stream_{};
};

std::string inflated(WsInflater& inflater, std::string_view bytes, size_t room_bytes, bool& good) {
  std::string out, room(room_bytes, '\0');
  for (std::string_view part : {bytes, WsInflater::kTail}) {
    WsInflater::State state = WsInflater::State::room_full;
    while (state == WsInflater::State::room_full) {
      size_t made = 0;
      state = inflater.run(part, room.data(), room.size(), made);
      out.append(room, 0, made);
    }
    good = state == WsInflater::State::input_used;
    if (!good) break;
  }
  inflater.end_message();
  return out;
}

TEST(WsInflater, gives_messages_back_whose_window_goes_on) {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>('a' + random() % 20);
  for (size_t room : {1u, 7u, 4096u, 100'000u}) {
    Deflater deflater;
    WsInflater inflater({}, nullptr);
    for (size_t i = 0; i < 3; ++i) {
      bool good = false;
      std::string small = deflater.message(text);
      EXPECT_TRUE(i == 0 || small.size() < 200u);   // of the window
      EXPECT_EQ(inflated(inflater, small, room, good), text);
      EXPECT_TRUE(good);
    }
    bool good = false;
    EXPECT_EQ(inflated(inflater, deflater.message(""), room, good), "");
    EXPECT_TRUE(good);
  }
}

TEST(WsInflater, forgets_between_messages_where_that_was_agreed) {
  Deflater deflater;
  WsInflater inflater({.keeps = false}, nullptr);
  bool good = false;
  std::string text = "hello hello hello, how are you, how are you";
  EXPECT_EQ(inflated(inflater, deflater.message(text), 4096, good), text);
  inflated(inflater, deflater.message(text), 4096, good);   // leans on the first
  EXPECT_FALSE(good);
}

// RFC 7692 sections 7.2.3.4 and 7.2.3.5.
TEST(WsInflater, takes_last_blocks_and_several_blocks) {
  WsInflater inflater({}, nullptr);
  bool good = false;
  EXPECT_EQ(inflated(inflater, std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), 3, good), "Hello");
  EXPECT_TRUE(good);
  EXPECT_EQ(inflated(inflater, std::string("\xf2\x00\x11\x00\x00", 5), 3, good), "Hello");   // of the window
  EXPECT_TRUE(good);
  EXPECT_EQ(inflated(inflater, std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13), 3, good), "Hello");
  EXPECT_TRUE(good);
}

TEST(WsInflater, says_when_bytes_are_none_of_deflate) {
  WsInflater inflater({}, nullptr);
  bool good = true;
  inflated(inflater, "\xff\xff\xff\xff", 100, good);
  EXPECT_FALSE(good);
}

TEST(WsInflater, counts_its_memory) {
  SharedMemory whole;
  {
    MemoryShare share(whole);
    std::vector<std::unique_ptr<WsInflater>> several;
    for (int i = 0; i < 8; ++i) {   // what a share tells of at once
      Deflater deflater;
      bool good = false;
      several.push_back(std::make_unique<WsInflater>(WsDeflate::Way{}, &share));
      EXPECT_EQ(inflated(*several.back(), deflater.message("x"), 100, good), "x");
    }
    EXPECT_GE(whole.used(), 7 * WsInflater::kBytes);
    several.clear();
  }
  EXPECT_EQ(whole.used(), 0u);
}

}  // namespace
}  // namespace sluice::http
