// ASCII text: case, trimming, integers, lists. No locale, no allocation unless the name says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }
/// gives: 0..15, or -1
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  char low = ascii_lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool starts_with_ignore_case(std::string_view text, std::string_view prefix);
inline bool equals_ignore_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && starts_with_ignore_case(a, b);
}

/// Without spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3).
constexpr std::string_view trim_ows(std::string_view text) {
  auto is_ows = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ows(text.back())) text.remove_suffix(1);
  return text;
}

/// Digits only, no sign, no empty text; nothing when it does not fit.
std::optional<uint64_t> parse_decimal(std::string_view text);
std::optional<uint64_t> parse_hex(std::string_view text);

/// 16 lower-case hex digits.
std::string hex_text(uint64_t value);
/// Writes 16 lower-case hex digits at `out`. gives: the end
char* write_hex(char* out, uint64_t value);

char* write_digits(char* out, uint64_t value);
/// Writes decimal digits at `out` (at most 20). gives: the end
inline char* write_decimal(char* out, uint64_t value) {
  if (value >= 10) return write_digits(out, value);
  *out = static_cast<char>('0' + value);
  return out + 1;
}

/// Calls visit(element) for each comma-separated element, trimmed, empty ones left out (RFC 9110
/// section 5.6.1); quoted strings are not split. visit returns false to stop.
template <class Visit>
void each_list_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    size_t end = 0;
    bool quoted = false;
    for (; end < list.size() && (quoted || list[end] != ','); ++end) {
      if (list[end] == '"') quoted = !quoted;
      if (quoted && list[end] == '\\' && end + 1 < list.size()) ++end;
    }
    std::string_view element = trim_ows(list.substr(0, end));
    list.remove_prefix(end < list.size() ? end + 1 : list.size());
    if (!element.empty() && !visit(element)) return;
  }
}

/// Levenshtein distance with transpositions, at most `limit` + 1: for "did you mean".
size_t edit_distance(std::string_view a, std::string_view b, size_t limit);

/// Printable form for messages: control bytes and non-ASCII as \xNN, cut after `max` bytes.
std::string printable(std::string_view text, size_t max = 80);

/// gives: length of the valid UTF-8 sequence at the start of `text`, which is not empty; 0 if none
/// see: RFC 3629
size_t utf8_sequence(std::string_view text);

/// Appends `text` as the inside of a JSON string (quotes not included); invalid UTF-8 becomes U+FFFD.
void append_json(std::string& out, std::string_view text);

}  // namespace sluice
