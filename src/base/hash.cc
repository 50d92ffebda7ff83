#include "base/hash.h"

#include <bit>
#include <cstring>

namespace sluice {
namespace {

struct Sip {
  uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1; v1 = std::rotl(v1, 13); v1 ^= v0; v0 = std::rotl(v0, 32);
    v2 += v3; v3 = std::rotl(v3, 16); v3 ^= v2;
    v0 += v3; v3 = std::rotl(v3, 21); v3 ^= v0;
    v2 += v1; v1 = std::rotl(v1, 17); v1 ^= v2; v2 = std::rotl(v2, 32);
  }
};

// Runs over all of `bytes`, and their length.
void absorb(Sip& s, std::string_view bytes) {
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    s.v3 ^= word;
    s.round();
    s.v0 ^= word;
    bytes.remove_prefix(8);
  }
  for (size_t i = 0; i < bytes.size(); ++i) last |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  s.v3 ^= last;
  s.round();
  s.v0 ^= last;
}

uint64_t squeeze(Sip& s) {
  s.round(); s.round(); s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

Sip sip(uint64_t k0, uint64_t k1) {
  return {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL};
}

}  // namespace

uint64_t siphash(uint64_t k0, uint64_t k1, std::string_view bytes) {
  Sip s = sip(k0, k1);
  absorb(s, bytes);
  s.v2 ^= 0xff;
  return squeeze(s);
}

Hash128 siphash128(const Hash128& key, std::string_view bytes) {
  Sip s = sip(key.low, key.high);
  s.v1 ^= 0xee;
  absorb(s, bytes);
  s.v2 ^= 0xee;
  Hash128 out;
  out.low = squeeze(s);
  s.v1 ^= 0xdd;
  out.high = squeeze(s);
  return out;
}

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) {   // splitmix64
    seed += 0x9e3779b97f4a7c15ULL;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    word = z ^ (z >> 31);
  }
}

}  // namespace sluice
