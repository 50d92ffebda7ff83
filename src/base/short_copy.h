// Copies of the few bytes that a header name or value has: two overlapping moves where a call of memcpy
// would cost more than the bytes do.
#pragma once

#include <cstddef>
#include <cstring>

namespace sluice {

/// Copies the first and the last `size` bytes of `bytes`, which may overlap.
/// needs: size <= bytes <= 2 * size
template <size_t size>
inline void copy_ends(char* out, const char* from, size_t bytes) {
  struct Piece { char data[size]; } first, last;
  std::memcpy(&first, from, size);
  std::memcpy(&last, from + bytes - size, size);
  std::memcpy(out, &first, size);
  std::memcpy(out + bytes - size, &last, size);
}

/// As memcpy; fast up to 32 bytes. gives: the end of what was written
inline char* copy_short(char* out, const char* from, size_t bytes) {
  if (bytes > 32) {
    std::memcpy(out, from, bytes);
  } else if (bytes >= 16) {
    copy_ends<16>(out, from, bytes);
  } else if (bytes >= 8) {
    copy_ends<8>(out, from, bytes);
  } else if (bytes >= 4) {
    copy_ends<4>(out, from, bytes);
  } else {
    for (size_t i = 0; i < bytes; ++i) out[i] = from[i];
  }
  return out + bytes;
}

}  // namespace sluice
