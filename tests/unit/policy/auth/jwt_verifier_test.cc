#include "policy/auth/jwt_verifier.h"

#include <gtest/gtest.h>

#include "base/base64url.h"
#include "policy/auth/jwt_problems.h"
#include "unit/policy/auth/signer.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;

class JwtVerifierTest : public ::testing::Test {
 protected:
  JwtVerifierTest() {
    settings.rules.issuer = "https://id.example";
    settings.rules.audiences = {"orders"};
    settings.rules.types = {"JWT", "at+jwt"};
    settings.rules.clock_skew = 30s;
    settings.algorithms = JwtAlgorithmSet::asymmetric();
    settings.cache_bytes = 1 << 20;
    publish(signer.jwk_set());
  }

  std::shared_ptr<const JwtKeySet> keys_of(const std::string& set) {
    auto read = read_jwk_set(set, settings.algorithms, KeySetSource::network);
    EXPECT_TRUE(read);
    return std::make_shared<const JwtKeySet>(std::move(read->keys));
  }
  void publish(const std::string& set) { world.keys.replace(keys_of(set)); }
  void revoke(std::string_view lines) {
    auto list = Revocations::read(lines);
    ASSERT_TRUE(list);
    world.revocations.replace(std::make_shared<const Revocations>(*std::move(list)));
  }

  std::string claims(const std::string& extra = "") const {
    return R"({"iss":"https://id.example","aud":"orders","exp":1700000100,"iat":1699999000,)"
           R"("sub":"alice","jti":"t1")" + extra + "}";
  }
  std::string_view verdict(const std::string& text) {
    last = verify_token(text, settings, world, desk, now, arena, random);
    EXPECT_EQ(last.problem == nullptr, last.identity != nullptr);
    return last.problem ? last.problem->code : last.identity->subject;
  }
  size_t cached() const { return desk.cache ? desk.cache->size() : 0; }

  Signer signer{JwtAlgorithm::es256, "k1"};
  JwtSettings settings;
  JwtWorld world{std::make_shared<const JwtKeySet>(), std::make_shared<const Revocations>()};
  JwtDesk desk;
  WallTime now{1'700'000'000s};
  BlockPool pool;
  Arena arena{pool};
  Random random{1};
  JwtVerdict last;
};

TEST_F(JwtVerifierTest, knows_a_token_again_until_it_expires) {
  std::string token = signer.token(claims());
  EXPECT_EQ(verdict(token), "alice");
  EXPECT_EQ(cached(), 1u);
  EXPECT_EQ(verdict(token), "alice");
  EXPECT_EQ(last.identity->credential, "t1");
  EXPECT_EQ(last.identity->claim("aud")->value, "orders");
  now = WallTime(1'700'000'129'999ms);
  EXPECT_EQ(verdict(token), "alice");
  now = WallTime(1'700'000'130'000ms);
  EXPECT_EQ(verdict(token), "token_expired");
  EXPECT_EQ(cached(), 0u);
  EXPECT_EQ(verdict(token), "token_expired");
}

TEST_F(JwtVerifierTest, tells_tokens_apart_by_their_signature_alone) {
  std::string token = signer.token(claims());
  EXPECT_EQ(verdict(token), "alice");
  std::string other = token;
  other[other.size() - 4] = other[other.size() - 4] == 'A' ? 'B' : 'A';
  EXPECT_EQ(verdict(other), "token_signature");
  EXPECT_EQ(cached(), 1u);
  EXPECT_EQ(verdict(signer.token(claims())), "alice");   // ECDSA signs the same in another way
  EXPECT_EQ(cached(), 2u);
}

TEST_F(JwtVerifierTest, believes_no_cache_once_the_key_is_gone) {
  std::string token = signer.token(claims());
  EXPECT_EQ(verdict(token), "alice");
  Signer next(JwtAlgorithm::es256, "k2");
  publish("{\"keys\":[" + signer.jwk() + "," + next.jwk() + "]}");
  EXPECT_EQ(verdict(token), "alice");
  publish(next.jwk_set());
  EXPECT_EQ(verdict(token), "token_key_unknown");
  EXPECT_TRUE(last.key_unknown);
  EXPECT_EQ(cached(), 0u);
  Signer impostor(JwtAlgorithm::es256, "k1");   // the same id, another key
  publish(impostor.jwk_set());
  EXPECT_EQ(verdict(token), "token_signature");
}

TEST_F(JwtVerifierTest, believes_no_cache_once_the_token_is_revoked) {
  std::string token = signer.token(claims());
  EXPECT_EQ(verdict(token), "alice");
  revoke("{\"jti\":\"other\"}");
  EXPECT_EQ(verdict(token), "alice");
  revoke("{\"jti\":\"t1\"}");
  EXPECT_EQ(verdict(token), "token_revoked");
  EXPECT_EQ(verdict(token), "token_revoked");
  revoke("{\"sub\":\"alice\",\"before\":1699999000}");
  EXPECT_EQ(verdict(token), "alice");
  revoke("{\"sub\":\"alice\",\"before\":1699999001}");
  EXPECT_EQ(verdict(token), "token_revoked");
  revoke("{\"sub\":\"alice\"}");
  EXPECT_EQ(verdict(token), "token_revoked");
  revoke("");
  EXPECT_EQ(verdict(token), "alice");
}

TEST_F(JwtVerifierTest, asks_for_no_key_before_everything_else_is_right) {
  Signer stranger(JwtAlgorithm::es256, "k9");
  auto unknown = [&](const std::string& token) {
    verdict(token);
    return last.key_unknown;
  };
  EXPECT_TRUE(unknown(stranger.token(claims())));
  EXPECT_FALSE(unknown(stranger.token(R"({"iss":"https://other.example","aud":"orders","exp":1700000100})")));
  EXPECT_FALSE(unknown(stranger.token(R"({"iss":"https://id.example","aud":"x","exp":1700000100})")));
  EXPECT_FALSE(unknown(stranger.token(R"({"iss":"https://id.example","aud":"orders","exp":1})")));
  EXPECT_FALSE(unknown(stranger.token_with_header(R"({"alg":"ES256","kid":"k9","typ":"x"})", claims())));
  EXPECT_FALSE(unknown(Signer(JwtAlgorithm::hs256, "k9").token(claims())));
  EXPECT_FALSE(unknown(Signer(JwtAlgorithm::es256, "k1").token(claims())));   // known, signature bad
}

TEST_F(JwtVerifierTest, says_that_there_are_no_keys_yet) {
  world.keys.replace(std::make_shared<const JwtKeySet>());
  EXPECT_EQ(verdict(signer.token(claims())), "token_keys_unavailable");
  EXPECT_TRUE(last.key_unknown);
}

TEST_F(JwtVerifierTest, refuses_for_each_reason_by_its_name) {
  EXPECT_EQ(verdict("x"), "token_malformed");
  EXPECT_EQ(verdict(std::string(kTokenBytesMax + 1, 'x')), "token_too_large");
  EXPECT_EQ(verdict(Signer(JwtAlgorithm::hs256, "k1").token(claims())), "token_algorithm");
  EXPECT_EQ(verdict(signer.token_with_header(R"({"alg":"ES256","kid":"k1","typ":"logout+jwt"})", claims())),
            "token_type");
  EXPECT_EQ(verdict(signer.token_with_header(R"({"alg":"ES384","kid":"k1"})", claims())),
            "token_algorithm");
  EXPECT_EQ(verdict(signer.token(claims(",\"nbf\":1700000031"))), "token_not_yet_valid");
  EXPECT_EQ(verdict(signer.token(claims(",\"scope\":1"))), "token_claims");
  EXPECT_EQ(verdict(signer.token("[]")), "token_malformed");
  EXPECT_EQ(verdict(signer.token(claims(",\"sub\":\"bob\""))), "token_malformed");
  EXPECT_EQ(cached(), 0u);
}

}  // namespace
}  // namespace sluice::policy
