// Hashes for tables inside the process. Seeded where keys come from outside (hash flooding).
// Not for security.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

/// SipHash-1-3 keyed with (k0, k1). Source: Aumasson and Bernstein, 2012.
uint64_t siphash(uint64_t k0, uint64_t k1, std::string_view bytes);

/// Both halves of SipHash-1-3 with 128 bits of output: where a collision would have consequences.
struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
Hash128 siphash128(const Hash128& key, std::string_view bytes);

/// FNV-1a, 64 bit: fingerprints of configuration, never keys from outside.
constexpr uint64_t fnv1a(std::string_view bytes, uint64_t state = 0xcbf29ce484222325ULL) {
  for (char c : bytes) {
    state ^= static_cast<unsigned char>(c);
    state *= 0x100000001b3ULL;
  }
  return state;
}

/// xoshiro256**, for ids and load balancing; not for secrets. Source: Blackman and Vigna, 2018.
class Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t next();
  /// gives: 0 .. bound-1; bound > 0
  uint64_t below(uint64_t bound) { return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64); }

 private:
  uint64_t state_[4];
};

inline uint64_t Random::next() {
  uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace sluice
