// SHA-2 digests with the algorithm looked up once. A Digest is const and every thread's; hashing in
// pieces is a Hasher's, one thread's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// OpenSSL's own names for its types, so that its headers stay out of this one.
struct evp_md_st;
struct evp_md_ctx_st;

namespace sluice::crypto {

enum class Hash : uint8_t { sha256, sha384, sha512 };

inline constexpr size_t kDigestBytesMax = 64;   // of SHA-512
constexpr size_t digest_bytes(Hash hash) {
  return hash == Hash::sha256 ? 32 : hash == Hash::sha384 ? 48 : 64;
}

/// Equal, in a time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

class Hasher;

class Digest {
 public:
  /// cost: a look-up under a lock that all threads share: not for a request
  explicit Digest(Hash hash);
  Hash hash() const { return hash_; }
  size_t bytes() const { return digest_bytes(hash_); }
  /// gives: the digest's bytes(); cost: an allocation, use a Hasher where that counts
  std::string of(std::string_view text) const;

 private:
  friend class Hasher;
  Hash hash_;
  std::shared_ptr<const evp_md_st> algorithm_;
};

/// A Digest of each hash, for those who learn from a request which one they need.
class Digests {
 public:
  const Digest& of(Hash hash) const { return all_[static_cast<size_t>(hash)]; }

 private:
  std::array<Digest, 3> all_{Digest(Hash::sha256), Digest(Hash::sha384), Digest(Hash::sha512)};
};

/// Hashes one text after the other, each in any number of pieces.
class Hasher {
 public:
  explicit Hasher(const Digest& digest);
  void add(std::string_view piece);
  /// Writes the digest (its size is the digest's bytes()) and begins anew.
  void finish(unsigned char* out);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* state) const;
  };
  void begin();

  std::shared_ptr<const evp_md_st> algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> state_;
};

}  // namespace sluice::crypto
