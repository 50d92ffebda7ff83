#include <gtest/gtest.h>

#include <string>

#include "http/h1_parser.h"
#include "http/h1_problems.h"

namespace sluice::http {
namespace {

using State = ChunkDecoder::State;

/// Decodes `bytes`, `step` at a time. gives: the last state
State decode(std::string_view bytes, size_t step, std::string& data,
             const Problem** problem = nullptr) {
  ChunkDecoder decoder;
  while (!bytes.empty()) {
    ChunkDecoder::Step result = decoder.feed(bytes.substr(0, step));
    data += result.data;
    bytes.remove_prefix(result.taken);
    if (problem && result.state == State::refused) *problem = &decoder.problem();
    if (result.state == State::last || result.state == State::refused) return result.state;
  }
  return State::more;
}

TEST(ChunkDecoder, gives_the_data_whatever_the_pieces) {
  std::string wire = "5\r\nhello\r\n00a;x;y=\";\"\r\n0123456789\r\n0\r\n";
  for (size_t step = 1; step <= wire.size(); ++step) {
    std::string data;
    EXPECT_EQ(decode(wire, step, data), State::last);
    EXPECT_EQ(data, "hello0123456789");
  }
}

TEST(ChunkDecoder, stops_before_the_trailer_block) {
  ChunkDecoder decoder;
  ChunkDecoder::Step step = decoder.feed("0\r\n\r\n");
  EXPECT_EQ(step.state, State::last);
  EXPECT_EQ(step.taken, 3u);
  EXPECT_EQ(decoder.feed("\r\n").taken, 0u);
}

TEST(ChunkDecoder, knows_what_is_left_of_a_chunk) {
  ChunkDecoder decoder;
  EXPECT_EQ(decoder.feed("a\r\n").state, State::more);
  EXPECT_EQ(decoder.chunk_left(), 10u);
  EXPECT_EQ(decoder.body_bytes(), 10u);
  EXPECT_EQ(decoder.feed("1234").data, "1234");
  EXPECT_EQ(decoder.chunk_left(), 6u);
}

TEST(ChunkDecoder, takes_any_number_of_one_byte_chunks) {
  std::string wire, data;
  for (int i = 0; i < 50'000; ++i) wire += "1\r\nx\r\n";
  EXPECT_EQ(decode(wire + "0\r\n", wire.size() + 3, data), State::last);
  EXPECT_EQ(data.size(), 50'000u);
}

TEST(ChunkDecoder, bounds_extensions_by_the_body_that_they_come_with) {
  const Problem* problem = nullptr;
  std::string one = "1;" + std::string(100, 'x') + "\r\na\r\n", wire, data;
  for (int i = 0; i < 200; ++i) wire += one;
  EXPECT_EQ(decode(wire, 1000, data, &problem), State::refused);
  EXPECT_EQ(problem, &kChunkOverhead);

  std::string large = "1000;" + std::string(100, 'x') + "\r\n" + std::string(4096, 'b') + "\r\n";
  wire.clear();
  data.clear();
  for (int i = 0; i < 1000; ++i) wire += large;
  EXPECT_EQ(decode(wire + "0\r\n", 10'000, data), State::last);
  EXPECT_EQ(data.size(), 4'096'000u);
}

TEST(ChunkDecoder, refuses_sizes_that_add_up_beyond_any_body) {
  std::string data;
  EXPECT_EQ(decode("7fffffffffffffff\r\n", 64, data), State::more);
  EXPECT_EQ(decode("8000000000000000\r\n", 64, data), State::refused);
  EXPECT_EQ(decode("1\r\na\r\n7fffffffffffffff\r\n", 64, data), State::refused);
}

TEST(ChunkDecoder, stays_refused) {
  ChunkDecoder decoder;
  EXPECT_EQ(decoder.feed("x").state, State::refused);
  EXPECT_EQ(decoder.feed("1\r\na").state, State::refused);
  EXPECT_EQ(&decoder.problem(), &kChunkInvalid);
}

}  // namespace
}  // namespace sluice::http
