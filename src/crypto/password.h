// Hashes that are made for passwords: bcrypt (libxcrypt) and Argon2 (RFC 9106, libargon2), as files of users hold them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"

namespace sluice::crypto {

/// Longer ones are not looked at: OWASP asks for at least 64. Of these bcrypt counts the first 72 bytes.
inline constexpr size_t kPasswordBytesMax = 256;
/// 2 to the power of it rounds: 15 takes about two seconds.
inline constexpr unsigned kBcryptCostMax = 15;
/// Of one hash, in KiB: 128 MiB.
inline constexpr uint32_t kArgon2MemoryMax = 128 * 1024;
inline constexpr uint32_t kArgon2PassesMax = 64;
inline constexpr uint32_t kArgon2LanesMax = 16;

/// A hash as it stands in a file: read, within the limits above.
class PasswordHash {
 public:
  enum class Kind : uint8_t { bcrypt, argon2d, argon2i, argon2id };

  /// errors: what is wrong with it, in words that hold nothing of it
  static Result<PasswordHash, std::string> parse(std::string_view text);

  /// Any thread. cost: what the hash says, from some milliseconds to seconds; an Argon2 hash also its memory
  bool verify(std::string_view password) const;
  /// What decides how long verify() takes: "$2y$10" or "$argon2id$v=19$m=19456,t=2,p=1".
  std::string_view cost() const { return std::string_view(text_).substr(0, cost_bytes_); }
  /// Another hash has another one; the same in every process.
  uint64_t mark() const { return fnv1a(text_); }

 private:
  bool verify_bcrypt(std::string_view password) const;
  bool verify_argon2(std::string_view password) const;

  Kind kind_ = Kind::bcrypt;
  std::string text_;
  size_t cost_bytes_ = 0;
  // of Argon2
  uint32_t version_ = 0, memory_ = 0, passes_ = 0, lanes_ = 0;
  std::string salt_;
  std::string digest_;
};

/// A hash with a new salt. gives: its text; bcrypt of cost 12, or Argon2id with 19 MiB and two passes (OWASP)
/// needs: at most kPasswordBytesMax bytes, no NUL; for bcrypt at most 72
std::string hash_bcrypt(std::string_view password);
std::string hash_argon2id(std::string_view password);

}  // namespace sluice::crypto
