// HeadScanner: finds the end of a block by its control bytes alone, so that each byte is looked at
// once.
#include <algorithm>

#include "base/control_byte.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"

namespace sluice::http {

namespace {

constexpr size_t kLinesMax = 0x7fff;   // what Fields can count

}  // namespace

// Both are called in one place of one loop: `inline` keeps its few variables in registers.
inline const Problem* HeadScanner::over_limit() const {
  if (!in_fields()) {
    return next_ - line_start_ > limits_->line_bytes_max ? &kRequestLineTooLong : nullptr;
  }
  return next_ - fields_start_ > limits_->header_bytes_max ? &kHeadersTooLarge : nullptr;
}

/// The line [line_start_, next_) is whole. gives: incomplete when the block goes on
inline HeadScanner::State HeadScanner::end_line(std::string_view bytes) {
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

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  if (problem_) return State::refused;
  if (size_ > 0) return State::complete;
  while (true) {
    next_ = next_control(bytes, next_);
    // Before the byte itself: however the bytes are cut, the limit that is passed first decides.
    if (const Problem* problem = over_limit()) return refuse(*problem);
    if (next_ == bytes.size()) return State::incomplete;
    char c = bytes[next_];
    if (c == '\r') {
      if (next_ + 1 == bytes.size()) return State::incomplete;
      if (bytes[next_ + 1] != '\n') return refuse(kBareCr);
      State state = end_line(bytes);
      if (state != State::incomplete) return state;
      next_ += 2;
      line_start_ = next_;
      continue;
    }
    if (c != '\t') return refuse(c == '\n' ? kBareLf : kControlByte);
    ++next_;
  }
}

HeadScanner::State HeadScanner::refuse(const Problem& problem) {
  problem_ = &problem;
  return State::refused;
}

}  // namespace sluice::http
