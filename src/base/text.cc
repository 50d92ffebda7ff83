#include "base/text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <vector>

namespace sluice {

bool starts_with_ignore_case(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    if (text[i] != prefix[i] && ascii_lower(text[i]) != ascii_lower(prefix[i])) return false;
  }
  return true;
}

std::optional<uint64_t> parse_decimal(std::string_view text) {
  constexpr size_t kSafeDigits = 19;   // fit in 64 bits, whatever they are
  uint64_t value = 0;
  if (text.empty() || text.size() > kSafeDigits) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 10);
    bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
  }
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string hex_text(uint64_t value) {
  std::string text(16, '0');
  write_hex(text.data(), value);
  return text;
}

char* write_digits(char* out, uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

char* write_hex(char* out, uint64_t value) {
  // All sixteen digits at once: nibbles side by side, then 39 more for those that are letters.
  using Bytes [[gnu::vector_size(16)]] = unsigned char;
  using Words [[gnu::vector_size(16)]] = uint64_t;
  constexpr uint64_t kNibbles = 0x0f0f0f0f0f0f0f0f;
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  auto high = reinterpret_cast<Bytes>(Words{value >> 4 & kNibbles, 0});
  auto low = reinterpret_cast<Bytes>(Words{value & kNibbles, 0});
  Bytes digits = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19,
                                         4, 20, 5, 21, 6, 22, 7, 23);
  auto is_letter = reinterpret_cast<Bytes>(digits > 9);   // 0xff where it is
  digits += '0' + (is_letter & ('a' - '0' - 10));
  std::memcpy(out, &digits, sizeof digits);
  return out + sizeof digits;
}

size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit) return limit + 1;
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::string printable(std::string_view text, size_t max) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : text.substr(0, max)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) { out += c; continue; }
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  if (text.size() > max) out += "...";
  return out;
}

size_t utf8_sequence(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  bool surrogate = first == 0xed && byte(1) > 0x9f;
  bool beyond = first == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

void append_json(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (size_t i = 0; i < text.size();) {
    // The common case in one append: a run of plain ASCII.
    size_t run = i;
    while (run < text.size() && text[run] >= 0x20 && text[run] < 0x7f && text[run] != '"' && text[run] != '\\') ++run;
    out.append(text.substr(i, run - i));
    if (run == text.size()) return;
    i = run;
    char c = text[i];
    if (c == '"' || c == '\\') { out += '\\'; out += c; ++i; continue; }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
      ++i;
      continue;
    }
    size_t length = utf8_sequence(text.substr(i));
    if (length == 0) { out += "\\ufffd"; ++i; continue; }
    out.append(text.substr(i, length));
    i += length;
  }
}

}  // namespace sluice
