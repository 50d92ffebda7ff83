// Keys of the session tickets of one [tls.NAME], shared by all workers and kept through reloads, so
// that a client comes back to any of them. Whether a ticket may resume somewhere is not decided here
// but by the session id context of net/tls_server_context.h.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "net/tls_pem.h"

namespace sluice::net {

/// Encrypted with AES-256-CBC, authenticated with HMAC-SHA-256. Wiped when it goes.
struct TicketKey {
  std::array<uint8_t, 16> name{};
  std::array<uint8_t, 32> cipher{};
  std::array<uint8_t, 32> mac{};
  ~TicketKey();
};

/// Any worker reads, the keeper rotates: a mutex held for the copy of a key, once per full or resumed
/// handshake.
class SharedTicketKeys {
 public:
  static constexpr Duration kRotateEvery = std::chrono::hours(12);
  static constexpr size_t kKept = 3;   // with the newest
  /// A ticket is as old as this at most, or its key would be gone.
  static constexpr std::chrono::seconds kLifetime = std::chrono::hours(24);

  SharedTicketKeys();
  SharedTicketKeys(const SharedTicketKeys&) = delete;

  /// Makes a new key when the newest has served its time; the oldest goes. The first call starts the
  /// clock.        gives: whether there is a new key
  bool rotate(TimePoint now);

  enum class Age : uint8_t { newest, older };
  TicketKey newest() const;
  /// gives: the key of that name and its age; none when it is unknown or gone
  std::optional<std::pair<TicketKey, Age>> find(const unsigned char* name) const;

  /// Looked up once: by name it costs half a microsecond for each ticket.
  const EVP_CIPHER* cipher() const { return cipher_.get(); }

 private:
  static TicketKey make();

  mutable std::mutex mutex_;
  std::array<TicketKey, kKept> keys_;   // newest first
  size_t count_ = 1;
  std::optional<TimePoint> due_;
  std::unique_ptr<EVP_CIPHER, OpensslDeleter<&EVP_CIPHER_free>> cipher_;
};

/// For SSL_CTX_set_tlsext_ticket_key_evp_cb, whose arguments these are.
int crypt_ticket(const SharedTicketKeys& keys, unsigned char* name, unsigned char* iv,
                 EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts);

}  // namespace sluice::net
