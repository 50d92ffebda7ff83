// HeadScanner: finds the end of a block by its control bytes alone, so that each byte is looked at
// once.
#include <algorithm>
#include <bit>
#include <cstring>

#include "http/h1_parser.h"
#include "http/h1_problems.h"

namespace sluice::http {

namespace {

constexpr size_t kLinesMax = 0x7fff;   // what Fields can count

/// gives: where the first byte below 0x20 at or after `from` is, or bytes.size()
size_t next_control(std::string_view bytes, size_t from) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  for (; from + 8 <= bytes.size(); from += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + from, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    // Marks each byte below 0x20. A borrow may mark bytes above the lowest one marked, never that
    // one.
    uint64_t found = (word - kOnes * 0x20) & ~word & (kOnes * 0x80);
    if (found != 0) return from + static_cast<size_t>(std::countr_zero(found)) / 8;
  }
  while (from < bytes.size() && static_cast<unsigned char>(bytes[from]) >= 0x20) ++from;
  return from;
}

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  if (problem_) return State::refused;
  if (size_ > 0) return State::complete;
  while (true) {
    next_ = next_control(bytes, next_);
    if (next_ > skipped_) started_ = true;
    // Before the byte itself: however the bytes are cut, the limit that is passed first decides.
    if (const Problem* problem = over_limit()) return refuse(*problem);
    if (next_ == bytes.size()) return State::incomplete;
    char c = bytes[next_];
    if (c == '\t') {
      ++next_;
      continue;
    }
    if (c == '\n') return refuse(kBareLf);
    if (c != '\r') return refuse(kControlByte);
    if (next_ + 1 == bytes.size()) return State::incomplete;
    if (bytes[next_ + 1] != '\n') return refuse(kBareCr);
    State state = end_line(bytes);
    if (state != State::incomplete) return state;
    next_ += 2;
    line_start_ = next_;
  }
}

/// The line [line_start_, next_) is whole. gives: incomplete when the block goes on
HeadScanner::State HeadScanner::end_line(std::string_view bytes) {
  bool empty = next_ == line_start_;
  if (!in_fields()) {
    if (!empty) {
      fields_start_ = next_ + 2;
      return State::incomplete;
    }
    if (kind_ != Kind::request || skipped_ > 0) return refuse(kBadRequestLine);
    skipped_ = 2;
    return State::incomplete;
  }
  if (empty) {
    size_ = next_ + 2 - skipped_;
    return State::complete;
  }
  char first = bytes[line_start_];
  if (first == ' ' || first == '\t') return refuse(kFoldedLine);
  if (first == ':') return refuse(kBadFieldName);
  if (lines_ >= std::min(limits_->headers_max, kLinesMax)) return refuse(kTooManyHeaders);
  ++lines_;
  return State::incomplete;
}

const Problem* HeadScanner::over_limit() const {
  if (!in_fields()) {
    return next_ - line_start_ > limits_->line_bytes_max ? &kRequestLineTooLong : nullptr;
  }
  return next_ - fields_start_ > limits_->header_bytes_max ? &kHeadersTooLarge : nullptr;
}

HeadScanner::State HeadScanner::refuse(const Problem& problem) {
  started_ = true;
  problem_ = &problem;
  return State::refused;
}

}  // namespace sluice::http
