// Follows the frames of HTTP/2 by their heads alone, ahead of those who decode what is in them.
// Source: RFC 9113 section 4.1.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

inline constexpr size_t kFrameHeadBytes = 9;

class H2Follower {
 public:
  /// `preface`: bytes before the first frame
  explicit H2Follower(size_t preface) : payload_left_(preface) {}

  /// `bytes`: what has come next. gives: false at the first CONTINUATION frame beyond `continuations_max` in a row
  bool follow(std::string_view bytes, uint32_t continuations_max) {
    while (true) {
      bytes.remove_prefix(take(payload_left_, bytes.size()));
      if (bytes.empty()) return true;
      size_t begun = kFrameHeadBytes - head_left_;
      size_t part = take(head_left_, bytes.size());
      std::copy_n(bytes.begin(), part, head_.begin() + begun);
      bytes.remove_prefix(part);
      if (head_left_ > 0) return true;
      head_left_ = kFrameHeadBytes;
      payload_left_ = size_t{byte(0)} << 16 | size_t{byte(1)} << 8 | byte(2);
      constexpr uint8_t kContinuation = 9;
      continuations_ = byte(3) == kContinuation ? continuations_ + 1 : 0;
      if (continuations_ > continuations_max) return false;
    }
  }

 private:
  /// Takes from `left` what there is of it. gives: how much that is
  static size_t take(size_t& left, size_t there) {
    size_t part = std::min(left, there);
    left -= part;
    return part;
  }
  uint8_t byte(size_t at) const { return static_cast<uint8_t>(head_[at]); }

  size_t payload_left_;
  size_t head_left_ = kFrameHeadBytes;
  uint32_t continuations_ = 0;
  std::array<char, kFrameHeadBytes> head_{};
};

}  // namespace sluice::http
