// One JSON object of flat members, written into room that was reserved for the worst case. Not a
// general JSON writer: keys are literals, values are texts and numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/text.h"
#include "observe/plain_run.h"

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
  /// Whole members, without braces or a comma before them.
  void members(std::string_view literal) { open(literal); }
  /// Milliseconds with three places.
  void millis(std::string_view key, uint64_t micros) {
    open(key);
    at_ = write_decimal(at_, micros / 1000);
    *at_++ = '.';
    for (uint64_t unit = 100; unit > 0; unit /= 10) *at_++ = static_cast<char>('0' + micros / unit % 10);
  }
  /// An object within; `key` is `"name":{`.
  void begin_object(std::string_view key) { open(key); }
  void end_object() { *at_++ = '}'; }
  /// A member of it whose name is no literal.
  void member(std::string_view name, std::string_view value, size_t bytes_max) {
    open("\"");
    escaped(name);
    raw("\":\"");
    escaped(value.substr(0, bytes_max));
    if (value.size() > bytes_max) raw("...");
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
    size_t plain = copy_plain(at_, value);
    if (plain == value.size()) return;
    scratch_.clear();
    append_json(scratch_, value.substr(plain));
    raw(scratch_);
  }

  char* at_;
  std::string& scratch_;
};

}  // namespace sluice::observe
