// Signs tokens with keys of its own, as an issuer does: for tests of who verifies them.
#pragma once

#include <string>
#include <string_view>

#include "policy/auth/jwt_algorithm.h"

struct evp_pkey_st;

namespace sluice::policy {

class Signer {
 public:
  /// Makes a new key; RSA keys are made once per process and kind, they take long.
  Signer(JwtAlgorithm algorithm, std::string key_id);
  Signer(const Signer&) = delete;
  ~Signer();

  /// The public half as a JWK; of a secret the whole key. `extra`: further members, each with ","
  std::string jwk(std::string_view extra = {}) const;
  std::string jwk_set() const { return "{\"keys\":[" + jwk() + "]}"; }
  std::string pem() const;
  const std::string& secret() const { return secret_; }

  /// Header with alg and kid; `payload` is JSON.
  std::string token(std::string_view payload) const;
  std::string token_with_header(std::string_view header, std::string_view payload) const;
  std::string sign(std::string_view message) const;

 private:
  JwtAlgorithm algorithm_;
  std::string key_id_;
  std::string secret_;
  evp_pkey_st* key_ = nullptr;
};

}  // namespace sluice::policy
