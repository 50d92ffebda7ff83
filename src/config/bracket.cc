#include "config/bracket.h"

#include <algorithm>

namespace sluice::config {
namespace {

bool is_before(Position a, Position b) { return a.line < b.line || (a.line == b.line && a.column < b.column); }

void advance(Position& at, std::string_view over) {
  for (char c : over) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {   // columns are characters: the rest of one counts for none
      ++at.column;
    }
  }
}

/// The quotes at the beginning of `text`: one, or three of a string with several lines.
std::string_view quote_of(std::string_view text) {
  bool three = text.size() >= 3 && text[1] == text[0] && text[2] == text[0];
  return text.substr(0, three ? 3 : 1);
}

/// gives: bytes of the string that `text` begins with, its quotes included
size_t string_size(std::string_view text) {
  std::string_view quote = quote_of(text);
  size_t i = quote.size();
  while (i < text.size() && !text.substr(i).starts_with(quote)) i += text[i] == '\\' && quote[0] == '"' ? 2 : 1;
  return std::min(i + quote.size(), text.size());
}

}  // namespace

std::optional<Bracket> open_bracket(const Source& source, Position until) {
  std::vector<Bracket> open;
  std::string_view text = source.text;
  Position at{until.file, 1, 1, 1};
  while (!text.empty() && is_before(at, until)) {
    char c = text.front();
    size_t size = 1;
    if (c == '"' || c == '\'') size = string_size(text);
    if (c == '#') size = std::min(text.find('\n'), text.size());
    if (c == '[' || c == '{') open.push_back({c, at});
    if ((c == ']' || c == '}') && !open.empty()) open.pop_back();
    advance(at, text.substr(0, size));
    text.remove_prefix(size);
  }
  if (open.empty()) return std::nullopt;
  return open.back();
}

}  // namespace sluice::config
