#include "policy/auth/jwt_keys.h"

#include <gtest/gtest.h>

#include "base/base64url.h"
#include "policy/auth/jwt_token.h"
#include "unit/policy/auth/signer.h"

namespace sluice::policy {
namespace {

JwtAlgorithmSet every_algorithm() {
  JwtAlgorithmSet all = JwtAlgorithmSet::asymmetric();
  all.add(JwtAlgorithm::hs256);
  all.add(JwtAlgorithm::hs384);
  all.add(JwtAlgorithm::hs512);
  return all;
}

std::string fault(std::string_view text, KeySetSource source = KeySetSource::file) {
  auto read = read_jwk_set(text, every_algorithm(), source);
  return read ? "" : read.error();
}

JwtKeySet keys_of(std::string_view text, JwtAlgorithmSet algorithms = every_algorithm()) {
  auto read = read_jwk_set(text, algorithms, KeySetSource::file);
  EXPECT_TRUE(read) << (read ? "" : read.error());
  return read ? std::move(read->keys) : JwtKeySet();
}

KeyMatch match(const JwtKeySet& keys, const std::string& text) {
  JwtReader reader;
  JwtToken token;
  EXPECT_EQ(reader.read(text, token), nullptr) << text;
  return keys.verify(token.algorithm, token.key_id, token.signed_part, token.signature);
}

TEST(JwtKeys, verify_what_each_algorithm_signs_and_nothing_else) {
  for (size_t i = 0; i < kJwtAlgorithms; ++i) {
    auto algorithm = static_cast<JwtAlgorithm>(i);
    SCOPED_TRACE(jwt_algorithm_name(algorithm));
    Signer signer(algorithm, "k");
    JwtKeySet keys = keys_of(signer.jwk_set());
    std::string token = signer.token("{\"a\":1}");
    EXPECT_EQ(match(keys, token), KeyMatch::good);
    EXPECT_EQ(match(keys, token), KeyMatch::good);
    std::string other = token;
    other[other.find('.') + 3] = other[other.find('.') + 3] == 'A' ? 'B' : 'A';
    EXPECT_EQ(match(keys, other), KeyMatch::bad_signature);
    JwtAlgorithmSet none;
    EXPECT_FALSE(read_jwk_set(signer.jwk_set(), none, KeySetSource::file));
  }
}

TEST(JwtKeys, decide_the_algorithm_and_not_the_token) {
  Signer rsa(JwtAlgorithm::rs256, "k");
  JwtKeySet keys = keys_of(rsa.jwk_set());
  // The classic confusion: a MAC made with the text of the public key.
  for (JwtAlgorithm algorithm : {JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512}) {
    for (const std::string& secret : {rsa.pem(), rsa.jwk(), rsa.jwk_set()}) {
      std::string message =
          encode_base64url("{\"alg\":\"" + std::string(jwt_algorithm_name(algorithm)) +
                           "\",\"kid\":\"k\"}") + ".e30";
      std::string code = crypto::HmacKey(hash_of(algorithm), secret).code(message);
      EXPECT_EQ(match(keys, message + "." + encode_base64url(code)), KeyMatch::wrong_algorithm);
    }
  }
  Signer pss(JwtAlgorithm::ps256, "k");   // the same RSA key
  EXPECT_EQ(match(keys, pss.token("{}")), KeyMatch::wrong_algorithm);
  EXPECT_EQ(match(keys, pss.token_with_header(R"({"alg":"RS256","kid":"k"})", "{}")),
            KeyMatch::bad_signature);
  Signer longer(JwtAlgorithm::rs512, "k");
  EXPECT_EQ(match(keys, longer.token("{}")), KeyMatch::wrong_algorithm);
  Signer point(JwtAlgorithm::es256, "e");
  EXPECT_EQ(match(keys_of(point.jwk_set()), point.token_with_header(R"({"alg":"ES384","kid":"e"})", "{}")),
            KeyMatch::wrong_algorithm);
}

TEST(JwtKeys, without_an_alg_serve_what_their_type_and_the_configuration_allow) {
  Signer signer(JwtAlgorithm::rs256, "k");
  std::string jwk = signer.jwk();
  jwk.replace(jwk.find("\"alg\":\"RS256\","), 14, "");
  std::string set = "{\"keys\":[" + jwk + "]}";
  EXPECT_EQ(match(keys_of(set), Signer(JwtAlgorithm::ps512, "k").token("{}")), KeyMatch::good);
  JwtAlgorithmSet one;
  one.add(JwtAlgorithm::rs256);
  EXPECT_EQ(match(keys_of(set, one), signer.token("{}")), KeyMatch::good);
  EXPECT_EQ(match(keys_of(set, one), Signer(JwtAlgorithm::ps512, "k").token("{}")),
            KeyMatch::wrong_algorithm);
}

TEST(JwtKeys, are_found_by_id_and_tried_in_turn_without) {
  Signer a(JwtAlgorithm::es256, "a"), b(JwtAlgorithm::es256, "b"), nameless(JwtAlgorithm::es256, "");
  JwtKeySet keys = keys_of("{\"keys\":[" + a.jwk() + "," + b.jwk() + "]}");
  EXPECT_EQ(match(keys, b.token("{}")), KeyMatch::good);
  EXPECT_EQ(match(keys, b.token_with_header(R"({"alg":"ES256","kid":"a"})", "{}")),
            KeyMatch::bad_signature);
  EXPECT_EQ(match(keys, b.token_with_header(R"({"alg":"ES256","kid":"c"})", "{}")),
            KeyMatch::unknown_key);
  EXPECT_EQ(match(keys, b.token_with_header(R"({"alg":"ES256","kid":""})", "{}")),
            KeyMatch::unknown_key);
  EXPECT_EQ(match(keys, b.token_with_header(R"({"alg":"ES256","kid":"../../dev/null"})", "{}")),
            KeyMatch::unknown_key);
  EXPECT_EQ(match(keys, b.token_with_header(R"({"alg":"ES256"})", "{}")), KeyMatch::good);
  JwtKeySet mixed = keys_of("{\"keys\":[" + a.jwk() + "," + nameless.jwk() + "]}");
  EXPECT_EQ(match(mixed, nameless.token_with_header(R"({"alg":"ES256","kid":"c"})", "{}")),
            KeyMatch::good);
  EXPECT_EQ(match(mixed, nameless.token_with_header(R"({"alg":"ES256","kid":"a"})", "{}")),
            KeyMatch::bad_signature);
}

TEST(JwtKeys, without_ids_are_tried_a_bounded_number_of_times) {
  std::string list;
  std::vector<std::unique_ptr<Signer>> signers;
  for (size_t i = 0; i < kKeyTriesMax + 1; ++i) {
    signers.push_back(std::make_unique<Signer>(JwtAlgorithm::eddsa, ""));
    list += (i ? "," : "") + signers.back()->jwk();
  }
  JwtKeySet keys = keys_of("{\"keys\":[" + list + "]}");
  EXPECT_EQ(match(keys, signers[kKeyTriesMax - 1]->token("{}")), KeyMatch::good);
  EXPECT_EQ(match(keys, signers[kKeyTriesMax]->token("{}")), KeyMatch::bad_signature);
}

TEST(JwkSet, with_a_mistake_in_it_is_refused) {
  Signer point(JwtAlgorithm::es256, "a"), secret(JwtAlgorithm::hs256, "s");
  auto set = [](const std::string& keys) { return "{\"keys\":[" + keys + "]}"; };
  EXPECT_EQ(fault(set(point.jwk())), "");
  EXPECT_EQ(fault(set(secret.jwk())), "");
  EXPECT_EQ(fault(set(secret.jwk()), KeySetSource::network),
            "key \"s\" is a shared secret, and published");
  EXPECT_EQ(fault(set(point.jwk(",\"d\":\"AA\""))), "key \"a\" is a private key");
  EXPECT_EQ(fault(set(point.jwk() + "," + secret.jwk())),
            "shared secrets and public keys in one set");
  EXPECT_EQ(fault(set(point.jwk() + "," + point.jwk())), "key \"a\" is there twice");
  EXPECT_EQ(fault("{}"), "no JWK Set: it has no list \"keys\"");
  EXPECT_EQ(fault("[]"), "no JWK Set: it has no list \"keys\"");
  EXPECT_EQ(fault(R"({"keys":{}})"), "no JWK Set: it has no list \"keys\"");
  EXPECT_EQ(fault(set("")), "no keys in it");
  EXPECT_EQ(fault("<html>"), "no valid JSON");
  EXPECT_EQ(fault(std::string(kKeySetBytesMax + 1, ' ')), "more than 1 MiB");
  std::string many = "1";
  for (size_t i = 0; i < kKeysMax; ++i) many += ",1";
  EXPECT_EQ(fault(set(many)), "more than 10000 keys");
}

TEST(JwkSet, leaves_out_what_cannot_be_used_and_says_so) {
  Signer point(JwtAlgorithm::es256, "good");
  std::string bad =
      R"({"kty":"RSA","kid":"enc","use":"enc","n":"AA","e":"AQAB"},)"
      R"({"kty":"EC","kid":"k1","crv":"secp256k1","x":"AA","y":"AA"},)"
      R"({"kty":"RSA","kid":"short","n":"AQAB","e":"AQAB"},)"
      R"({"kty":"XYZ"},{"kty":"EC","kid":"ops","key_ops":["encrypt"]},)"
      R"({"kty":"OKP","kid":"x","crv":"X25519","x":"AA"},)"
      R"({"kty":"RSA","kid":"alg","alg":"RSA-OAEP","n":"AA","e":"AQAB"},)";
  auto read = read_jwk_set("{\"keys\":[" + bad + point.jwk() + "]}", every_algorithm(),
                           KeySetSource::network);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->keys.size(), 1u);
  std::vector<std::string> expected = {
      "key \"enc\": not for signatures",
      "key \"k1\": of a type that is not supported",
      "key \"short\": an RSA key of less than 2048 bits",
      "key 4: of a type that is not supported",
      "key \"ops\": not for signatures",
      "key \"x\": of a type that is not supported",
      "key \"alg\": for algorithms that are not accepted"};
  EXPECT_EQ(read->left_out, expected);
  EXPECT_EQ(fault(R"({"keys":[{"kty":"XYZ","kid":"q"}]})"),
            "none of its keys can be used; key \"q\": of a type that is not supported");
}

TEST(JwkSet, takes_no_secret_shorter_than_its_hash) {
  std::string secret(31, 'x');
  JwtAlgorithmSet all = every_algorithm();
  EXPECT_FALSE(JwtKey("", secret, all).useful());
  EXPECT_FALSE(JwtKey("", "", all).useful());
  JwtKey just("", secret + "x", all);
  EXPECT_TRUE(just.serves(JwtAlgorithm::hs256));
  EXPECT_FALSE(just.serves(JwtAlgorithm::hs384));
}

}  // namespace
}  // namespace sluice::policy
