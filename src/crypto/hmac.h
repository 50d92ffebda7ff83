// HMAC (RFC 2104) with its key prepared once. An HmacKey is const and every thread's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "crypto/digest.h"

struct evp_mac_ctx_st;

namespace sluice::crypto {

class Hmac;

class HmacKey {
 public:
  /// Copies the key; wiped with the last user. An empty key is the caller's mistake.
  HmacKey(Hash hash, std::string_view key);
  Hash hash() const { return hash_; }
  /// gives: the whole code, digest_bytes(hash()); cost: allocations, see Hmac
  std::string code(std::string_view message) const;
  /// Is `code` the whole code of the message? In constant time.
  bool verify(std::string_view message, std::string_view code) const;

 private:
  friend class Hmac;
  Hash hash_;
  std::shared_ptr<const evp_mac_ctx_st> keyed_;   // never used itself: copied for each use
};

/// The same for one thread, again and again: no allocation.
class Hmac {
 public:
  explicit Hmac(const HmacKey& key);
  void add(std::string_view piece);
  /// Writes the code and begins anew.
  void finish(unsigned char* out);

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* state) const;
  };
  Hash hash_;
  std::unique_ptr<evp_mac_ctx_st, Free> state_;
};

}  // namespace sluice::crypto
