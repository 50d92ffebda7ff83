// Texts that only who has the key can read or change: AES-256-GCM (NIST SP 800-38D) with the algorithm looked up once.
// Const and every thread's.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/secret.h"

struct evp_cipher_st;

namespace sluice::crypto {

class Seal {
 public:
  /// Of one text: the nonce is always the same, so a key that seals a second one gives both away.
  using Key = std::array<unsigned char, 32>;
  static constexpr size_t kTagBytes = 16;

  /// cost: a look-up under a lock that all threads share: not for a request
  Seal();
  /// gives: kTagBytes more than `text`. needs: a text below 2 GiB
  std::string close(const Key& key, std::string_view text) const;
  /// gives: nothing when `sealed` was not made with this key, or was changed
  std::optional<Secret> open(const Key& key, std::string_view sealed) const;

 private:
  std::shared_ptr<const evp_cipher_st> algorithm_;
};

}  // namespace sluice::crypto
