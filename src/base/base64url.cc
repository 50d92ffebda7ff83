#include "base/base64url.h"

#include <array>
#include <cstdint>

namespace sluice {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kInvalid = 0xff;

constexpr std::array<uint8_t, 256> make_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kInvalid);
  for (uint8_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = i;
  return values;
}
constexpr std::array<uint8_t, 256> kValues = make_values();

uint8_t value_of(char c) {
  return kValues[static_cast<unsigned char>(c)];
}

/// The two or three letters at the end. gives: false when they are no end
bool decode_tail(std::string_view tail, char* out) {
  if (tail.empty()) return true;
  if (tail.size() == 1) return false;
  uint8_t a = value_of(tail[0]), b = value_of(tail[1]);
  uint8_t c = tail.size() == 3 ? value_of(tail[2]) : 0;
  if ((a | b | c) & 0xc0) return false;
  out[0] = static_cast<char>(a << 2 | b >> 4);
  if (tail.size() == 2) return (b & 0x0f) == 0;
  out[1] = static_cast<char>(b << 4 | c >> 2);
  return (c & 0x03) == 0;
}

}  // namespace

bool decode_base64url(std::string_view text, std::string& out) {
  size_t whole = text.size() / 4;
  size_t rest = text.size() % 4;
  out.resize(whole * 3 + (rest == 0 ? 0 : rest - 1));
  char* at = out.data();
  uint8_t seen = 0;
  for (size_t i = 0; i < whole; ++i, at += 3) {
    const char* four = text.data() + i * 4;
    uint8_t a = value_of(four[0]), b = value_of(four[1]), c = value_of(four[2]),
            d = value_of(four[3]);
    seen = static_cast<uint8_t>(seen | a | b | c | d);
    at[0] = static_cast<char>(a << 2 | b >> 4);
    at[1] = static_cast<char>(b << 4 | c >> 2);
    at[2] = static_cast<char>(c << 6 | d);
  }
  bool valid = (seen & 0xc0) == 0 && decode_tail(text.substr(whole * 4), at);
  if (!valid) out.clear();
  return valid;
}

std::string encode_base64url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t bits = 0;
  int held = 0;
  for (char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (held += 8; held >= 6; held -= 6) out += kAlphabet[bits >> (held - 6) & 0x3f];
  }
  if (held > 0) out += kAlphabet[bits << (6 - held) & 0x3f];
  return out;
}

}  // namespace sluice
