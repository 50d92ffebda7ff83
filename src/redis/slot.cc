#include "redis/slot.h"

#include <array>

namespace sluice::redis {
namespace {

constexpr std::array<uint16_t, 256> crc_table() {
  std::array<uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    table[byte] = static_cast<uint16_t>(crc);
  }
  return table;
}
constexpr std::array<uint16_t, 256> kCrc = crc_table();

}  // namespace

uint16_t key_slot(std::string_view key) {
  size_t open = key.find('{');
  if (open != key.npos) {
    size_t close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  uint16_t crc = 0;
  for (char c : key) {
    crc = static_cast<uint16_t>(crc << 8 ^ kCrc[(crc >> 8 ^ static_cast<unsigned char>(c)) & 0xff]);
  }
  return crc % kSlots;
}

}  // namespace sluice::redis
