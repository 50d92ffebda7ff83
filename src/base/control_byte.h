// Finds control bytes in text, sixteen bytes at a time. Written with the compiler's vector types, which
// become the vector instructions of whatever processor there is.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

/// gives: where the first byte below 0x20 at or after `from` is, or text.size()
inline size_t next_control(std::string_view text, size_t from) {
  using Bytes [[gnu::vector_size(16)]] = unsigned char;
  using Words [[gnu::vector_size(16)]] = uint64_t;
  for (; from + sizeof(Bytes) <= text.size(); from += sizeof(Bytes)) {
    Bytes bytes;
    std::memcpy(&bytes, text.data() + from, sizeof bytes);
    auto found = reinterpret_cast<Words>(bytes < 0x20);   // 0xff for each control byte
    if ((found[0] | found[1]) == 0) continue;
    uint64_t word = found[0] != 0 ? found[0] : found[1];
    size_t before = found[0] != 0 ? 0 : sizeof word;
    int bits = std::endian::native == std::endian::little ? std::countr_zero(word)
                                                          : std::countl_zero(word);
    return from + before + static_cast<size_t>(bits) / 8;
  }
  while (from < text.size() && static_cast<unsigned char>(text[from]) >= 0x20) ++from;
  return from;
}

}  // namespace sluice
