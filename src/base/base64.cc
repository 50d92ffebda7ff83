#include "base/base64.h"

#include <cstdint>

#include "base/base64url.h"

namespace sluice {

bool decode_base64(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string other(text);   // in the other alphabet
  for (char& c : other) {
    if (c == '-' || c == '_') return false;
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return decode_base64url(other, out);
}

char* write_base64(std::string_view bytes, char* out) {
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    size_t there = bytes.size() - i < 3 ? bytes.size() - i : 3;
    for (size_t k = 0; k < 3; ++k)
      word = word << 8 | (k < there ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k)
      *out++ = k <= there ? kBase64Alphabet[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

void append_base64(std::string_view bytes, std::string& out) {
  size_t before = out.size();
  out.resize(before + base64_size(bytes.size()));
  write_base64(bytes, out.data() + before);
}

}  // namespace sluice
