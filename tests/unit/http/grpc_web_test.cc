// What is particular to gRPC-Web's bodies: base64 in pieces cut anywhere, and the frame of trailers.
#include "http/grpc_web.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/base64.h"

namespace sluice::http {
namespace {

/// gives: what these pieces decode to; nothing when one is refused or the end comes within a group
std::optional<std::string> decoded(BlockPool& blocks, std::initializer_list<std::string_view> pieces) {
  Base64Reader reader;
  Chain out;
  for (std::string_view piece : pieces) {
    if (!reader.feed(piece, blocks, out)) return std::nullopt;
  }
  if (!reader.whole()) return std::nullopt;
  return out.to_string();
}

TEST(GrpcWebText, every_split_gives_the_same) {
  BlockPool blocks;
  for (std::string_view text : {"", "QQ==", "QUI=", "QUJD", "QUJDRA==", "QQ==QUI=QUJD", "/+8=AAAA", "AAAAAAJoaQ=="}) {
    auto whole = decoded(blocks, {text});
    ASSERT_TRUE(whole) << text;
    for (size_t i = 0; i <= text.size(); ++i) {
      for (size_t j = i; j <= text.size(); ++j) {
        EXPECT_EQ(decoded(blocks, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole) << text << i << ' ' << j;
      }
    }
  }
  EXPECT_EQ(decoded(blocks, {"QQ==QUI=QUJD"}), "AABABC");
}

TEST(GrpcWebText, what_is_no_base64_is_refused_in_every_split) {
  BlockPool blocks;
  for (std::string_view text : {"Q", "QQ", "QUI", "QQ=", "=", "Q=", "Q===", "====", "QUI=Q", "QQ=A", "QR==", "QUJ=", "QU-_",
                                "QUJD\n", " QUJD", "QUJD=", "QQ===", "QUI=="}) {
    for (size_t i = 0; i <= text.size(); ++i) {
      EXPECT_EQ(decoded(blocks, {text.substr(0, i), text.substr(i)}), std::nullopt) << text << " at " << i;
    }
  }
}

TEST(GrpcWebText, large_bodies_come_back_as_they_were) {
  BlockPool blocks;
  for (size_t size : {size_t{1}, size_t{12'000}, BlockPool::kMedium, 3 * BlockPool::kRead + 1}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
    Chain in, text;
    in.append_copy(blocks, bytes);
    append_base64(in, blocks, text);
    std::string written = text.to_string();
    EXPECT_EQ(decoded(blocks, {written}), bytes) << size;
    EXPECT_EQ(decoded(blocks, {written.substr(0, 3), written.substr(3)}), bytes) << size;
  }
}

TEST(GrpcWebText, each_slice_is_complete_in_itself) {
  BlockPool blocks;
  Chain bytes, text;
  bytes.append_copy(blocks, "A");
  BlockRef other = blocks.take(100);
  other->data()[0] = 'B';
  bytes.append(Slice{other.get(), other->data(), 1});
  append_base64(bytes, blocks, text);
  EXPECT_EQ(text.to_string(), "QQ==Qg==");
}

TEST(GrpcWebTrailers, are_a_frame_of_lines_in_lower_case) {
  BlockPool blocks;
  Arena arena(blocks);
  Fields trailers(arena);
  trailers.add("grpc-status", "5");
  trailers.add(FieldId::retry_after, "7");   // its usual spelling has capitals
  trailers.add("grpc-message", "");
  Chain out;
  append_trailer_frame(trailers, blocks, out);
  std::string lines = "grpc-status: 5\r\nretry-after: 7\r\ngrpc-message: \r\n";
  EXPECT_EQ(out.to_string(), std::string("\x80\0\0\0", 4) + static_cast<char>(lines.size()) + lines);
}

}  // namespace
}  // namespace sluice::http
