// Tokens that another library signed, and its verdict about ours. Where libcjose-dev is installed.
#if defined(SLUICE_WITH_CJOSE)

#include <cjose/cjose.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "policy/auth/jwt_keys.h"
#include "policy/auth/jwt_token.h"
#include "unit/policy/auth/signer.h"

namespace sluice::policy {
namespace {

constexpr JwtAlgorithm kShared[] = {   // cjose has no EdDSA
    JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512, JwtAlgorithm::ps256,
    JwtAlgorithm::ps384, JwtAlgorithm::ps512, JwtAlgorithm::es256, JwtAlgorithm::es384,
    JwtAlgorithm::es512, JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512};

/// Signs with a key that cjose made. gives: the token; `jwk` is the public (or secret) key
std::string sign(JwtAlgorithm algorithm, std::string_view payload, std::string& jwk) {
  cjose_err error;
  bool symmetric = is_symmetric(algorithm);
  cjose_jwk_t* key = nullptr;
  if (symmetric) {
    key = cjose_jwk_create_oct_random(crypto::digest_bytes(hash_of(algorithm)) * 8, &error);
  } else if (signature_of(algorithm).scheme == crypto::Scheme::ecdsa) {
    auto curve = hash_of(algorithm) == crypto::Hash::sha256   ? CJOSE_JWK_EC_P_256
                 : hash_of(algorithm) == crypto::Hash::sha384 ? CJOSE_JWK_EC_P_384
                                                              : CJOSE_JWK_EC_P_521;
    key = cjose_jwk_create_EC_random(curve, &error);
  } else {
    key = cjose_jwk_create_RSA_random(2048, reinterpret_cast<const uint8_t*>("\x01\x00\x01"), 3,
                                      &error);
  }
  char* text = cjose_jwk_to_json(key, symmetric, &error);
  jwk = text;
  std::free(text);
  cjose_header_t* header = cjose_header_new(&error);
  cjose_header_set(header, CJOSE_HDR_ALG, std::string(jwt_algorithm_name(algorithm)).c_str(), &error);
  cjose_jws_t* jws = cjose_jws_sign(key, header, reinterpret_cast<const uint8_t*>(payload.data()),
                                    payload.size(), &error);
  const char* compact = nullptr;
  EXPECT_TRUE(cjose_jws_export(jws, &compact, &error)) << error.message;
  std::string token = compact;
  cjose_jws_release(jws);
  cjose_header_release(header);
  cjose_jwk_release(key);
  return token;
}

bool cjose_accepts(const std::string& token, const std::string& jwk) {
  cjose_err error;
  cjose_jwk_t* key = cjose_jwk_import(jwk.data(), jwk.size(), &error);
  cjose_jws_t* jws = cjose_jws_import(token.data(), token.size(), &error);
  bool good = key && jws && cjose_jws_verify(jws, key, &error);
  if (jws) cjose_jws_release(jws);
  if (key) cjose_jwk_release(key);
  return good;
}

bool accepts(const std::string& text, const std::string& jwk, JwtAlgorithm algorithm) {
  JwtAlgorithmSet algorithms;
  algorithms.add(algorithm);
  auto keys = read_jwk_set("{\"keys\":[" + jwk + "]}", algorithms, KeySetSource::file);
  EXPECT_TRUE(keys) << keys.error();
  JwtReader reader;
  JwtToken token;
  return keys && reader.read(text, token) == nullptr &&
         keys->keys.verify(token.algorithm, token.key_id, token.signed_part, token.signature) ==
             KeyMatch::good;
}

TEST(Cjose, signs_what_we_accept) {
  for (JwtAlgorithm algorithm : kShared) {
    SCOPED_TRACE(jwt_algorithm_name(algorithm));
    std::string jwk;
    std::string token = sign(algorithm, "{\"sub\":\"alice\"}", jwk);
    EXPECT_TRUE(accepts(token, jwk, algorithm)) << token << "\n" << jwk;
  }
}

TEST(Cjose, agrees_about_our_tokens_and_about_changed_ones) {
  for (JwtAlgorithm algorithm : kShared) {
    SCOPED_TRACE(jwt_algorithm_name(algorithm));
    Signer signer(algorithm, "k");
    std::string token = signer.token("{\"sub\":\"alice\"}");
    EXPECT_TRUE(cjose_accepts(token, signer.jwk()));
    for (size_t at = 1; at < token.size(); at += token.size() / 9) {
      std::string changed = token;
      changed[at] = changed[at] == 'A' ? 'Q' : 'A';
      bool ours = accepts(changed, signer.jwk(), algorithm);
      EXPECT_FALSE(ours);
      EXPECT_EQ(ours, cjose_accepts(changed, signer.jwk())) << at;
    }
  }
}

}  // namespace
}  // namespace sluice::policy

#endif
