// Whether a certificate and a key on disk belong together and are in date. Serving with them:
// net/tls_pem.h.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace sluice::crypto {

struct PairReport {
  enum class State : uint8_t {
    good,
    certificate_unreadable,
    certificate_invalid,  // no certificate in PEM
    key_unreadable,
    key_denied,   // permission: the service's own user may read it
    key_invalid,  // no private key in PEM, or one with a passphrase
    mismatch,
  };
  State state = State::good;
  std::string detail;  // of the unreadable ones: why
  int fits = 0;       // of a mismatch: which certificate of the file the key belongs to, from 2; 0: none
  int stray = 0;      // which certificate of the file did not issue the one before it, from 2; 0: each did
  bool expired = false;
  bool not_yet_valid = false;
  std::string not_before;  // dates as 2026-01-31
  std::string not_after;
};

/// Reads both files; `now` decides what is in date.
PairReport check_pair(const std::string& certificate_path, const std::string& key_path,
                      std::time_t now);

/// gives: how many revocation lists a PEM file holds; -1 when it cannot be read (`why` says it)
int count_revocation_lists(const std::string& path, std::string& why);

/// gives: how many certificates a PEM file holds; -1 when it cannot be read (`why` says it)
int count_certificates(const std::string& path, std::string& why);

}  // namespace sluice::crypto
