// One JSON object of flat members, written into room that was reserved for the worst case. Not a
// general JSON writer: keys are literals, values are texts and numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/text.h"

namespace sluice::observe {

class JsonLine {
 public:
  /// An escaped byte is 6 bytes at most (\u00xx), and "..." may follow.
  static constexpr size_t worst(size_t text_bytes) { return 6 * text_bytes + 3; }

  /// `scratch`: kept by the caller, so that texts that need escapes allocate nothing after warm-up.
  JsonLine(char* out, std::string& scratch) : at_(out), scratch_(scratch) { *at_++ = '{'; }

  /// `key` is `"name":"` with its quotes and colon; nothing is written when value is empty.
  /// A value of over `bytes_max` is cut and ends in "...".
  void text(std::string_view key, std::string_view value, size_t bytes_max) {
    if (value.empty()) return;
    open(key);
    escaped(value.substr(0, bytes_max));
    if (value.size() > bytes_max) raw("...");
    *at_++ = '"';
  }
  /// `key` is `"name":`.
  void number(std::string_view key, uint64_t value) {
    open(key);
    at_ = write_decimal(at_, value);
  }
  /// A text that `write(char* out)` writes and that needs no escape. gives: the end
  template <class Write>
  void written(std::string_view key, Write write) {
    open(key);
    at_ = write(at_);
    *at_++ = '"';
  }
  /// gives: the end of the line, after "}\n"
  char* finish() {
    raw("}\n");
    return at_;
  }

 private:
  void open(std::string_view key) {
    if (at_[-1] != '{') *at_++ = ',';
    raw(key);
  }
  void raw(std::string_view bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  void escaped(std::string_view value) {
    size_t plain = copy_plain(value);
    if (plain == value.size()) return;
    scratch_.clear();
    append_json(scratch_, value.substr(plain));
    raw(scratch_);
  }

  // Copies up to the first byte that needs a look: control, quote, backslash, DEL, non-ASCII; eight
  // bytes at a time, with the zero-byte tests of Warren, Hacker's Delight, section 6-1.
  size_t copy_plain(std::string_view value) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    auto has_zero = [](uint64_t word) { return (word - kOnes) & ~word & kOnes * 0x80; };
    size_t done = 0;
    for (; done + 8 <= value.size(); done += 8) {
      uint64_t word;
      std::memcpy(&word, value.data() + done, 8);
      uint64_t below_space = (word - kOnes * 0x20) & ~word & kOnes * 0x80;
      uint64_t special = has_zero(word ^ kOnes * '"') | has_zero(word ^ kOnes * '\\') |
                         has_zero(word ^ kOnes * 0x7f);
      if ((word & kOnes * 0x80) | below_space | special) break;
      std::memcpy(at_, &word, 8);
      at_ += 8;
    }
    for (; done < value.size(); ++done) {
      char c = value[done];
      if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) break;   // char is signed: non-ASCII too
      *at_++ = c;
    }
    return done;
  }

  char* at_;
  std::string& scratch_;
};

}  // namespace sluice::observe
