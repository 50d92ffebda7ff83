// ChunkDecoder: one byte at a time through size lines, whole runs through data.
#include <algorithm>
#include <limits>

#include "base/text.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"
#include "http/token.h"

namespace sluice::http {

ChunkDecoder::Step ChunkDecoder::feed(std::string_view bytes) {
  if (problem_) return {State::refused, 0, {}};
  if (position_ == Position::done) return {State::last, 0, {}};
  size_t taken = 0;
  while (taken < bytes.size()) {
    if (position_ == Position::data) {
      size_t size = static_cast<size_t>(std::min<uint64_t>(chunk_left_, bytes.size() - taken));
      chunk_left_ -= size;
      if (chunk_left_ == 0) position_ = Position::data_cr;
      return {State::data, taken + size, bytes.substr(taken, size)};
    }
    if (const Problem* problem = size_line(bytes[taken])) return refuse(*problem);
    ++taken;
    if (position_ == Position::done) return {State::last, taken, {}};
  }
  return {State::more, taken, {}};
}

/// Everything but data: "\r\n" after it, and the size line of the next chunk.
const Problem* ChunkDecoder::size_line(char c) {
  switch (position_) {
    case Position::data_cr:
      position_ = Position::data_lf;
      return c == '\r' ? nullptr : &kChunkInvalid;
    case Position::data_lf:
      position_ = Position::size;
      digits_ = 0;
      return c == '\n' ? nullptr : &kChunkInvalid;
    case Position::size:
      if (int digit = hex_value(c); digit >= 0) return size_digit(digit);
      if (digits_ == 0) return &kChunkInvalid;
      if (c == ';') position_ = Position::extension;
      else if (c == '\r') position_ = Position::size_lf;
      else return &kChunkInvalid;
      return nullptr;
    case Position::size_lf:
      if (c != '\n') return &kChunkInvalid;
      end_size_line();
      return nullptr;
    default:
      return extension(c);
  }
}

const Problem* ChunkDecoder::size_digit(int digit) {
  constexpr uint8_t kDigitsMax = 16;
  if (++digits_ > kDigitsMax || chunk_left_ >> 60 != 0) return &kChunkInvalid;
  if (digits_ > 1 && chunk_left_ == 0 && ++overhead_bytes_ > kOverheadBytesMax + body_bytes_) {
    return &kChunkOverhead;   // the digit before this one was a leading zero
  }
  chunk_left_ = chunk_left_ << 4 | static_cast<unsigned>(digit);
  // Half of the range is out of reach of any peer, and sums of two sizes cannot overflow then.
  constexpr uint64_t kBytesMax = std::numeric_limits<int64_t>::max();
  return chunk_left_ > kBytesMax - body_bytes_ ? &kChunkInvalid : nullptr;
}

/// ";name", ";name=token" and ";name=\"quoted\"", any number. No white space outside quotes (RFC
/// 9112 section 7.1.1 has it as bad white space only) and no backslash within: llhttp takes
/// neither. Their meaning is nobody's business here.
const Problem* ChunkDecoder::extension(char c) {
  if (++overhead_bytes_ > kOverheadBytesMax + body_bytes_) return &kChunkOverhead;
  auto go = [this](Position next) -> const Problem* {
    position_ = next;
    return nullptr;
  };
  bool ends = position_ == Position::name || position_ == Position::value ||
              position_ == Position::quoted_end;
  if (ends && c == ';') return go(Position::extension);
  if (ends && c == '\r') return go(Position::size_lf);
  switch (position_) {
    case Position::extension:
      return is_token_char(c) ? go(Position::name) : &kChunkInvalid;
    case Position::name:
      if (c == '=') return go(Position::value_start);
      return is_token_char(c) ? nullptr : &kChunkInvalid;
    case Position::value_start:
      if (c == '"') return go(Position::quoted);
      return is_token_char(c) ? go(Position::value) : &kChunkInvalid;
    case Position::value:
      return is_token_char(c) ? nullptr : &kChunkInvalid;
    case Position::quoted:
      if (c == '"') return go(Position::quoted_end);
      return c != '\\' && is_field_value({&c, 1}) ? nullptr : &kChunkInvalid;
    default:
      return &kChunkInvalid;
  }
}

void ChunkDecoder::end_size_line() {
  body_bytes_ += chunk_left_;
  position_ = chunk_left_ == 0 ? Position::done : Position::data;
}

ChunkDecoder::Step ChunkDecoder::refuse(const Problem& problem) {
  problem_ = &problem;
  return {State::refused, 0, {}};
}

}  // namespace sluice::http
