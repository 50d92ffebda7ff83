#include "crypto/signature.h"

#include <gtest/gtest.h>

#include "base/base64url.h"

namespace sluice::crypto {
namespace {

std::string bytes(std::string_view text) {
  std::string out;
  EXPECT_TRUE(decode_base64url(text, out));
  return out;
}

// RFC 7515 appendix A.3 (ES256) and RFC 8037 appendix A.4 (Ed25519).
constexpr std::string_view kPointX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr std::string_view kPointY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr std::string_view kPointMessage =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kPointSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
constexpr std::string_view kEdwardsX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
constexpr std::string_view kEdwardsMessage =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr std::string_view kEdwardsSignature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
// The RSA key of RFC 7520 section 3.3.
constexpr std::string_view kModulus =
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCp"
    "MaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd"
    "1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKn"
    "S2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw";

PublicKey point_key() {
  auto key = PublicKey::from_point(KeyType::p256, bytes(kPointX), bytes(kPointY));
  EXPECT_TRUE(key);
  return *key;
}
PublicKey edwards_key() {
  auto key = PublicKey::from_edwards(KeyType::ed25519, bytes(kEdwardsX));
  EXPECT_TRUE(key);
  return *key;
}

TEST(Verifier, takes_a_good_signature_again_and_again) {
  Verifier point(point_key(), {Scheme::ecdsa, Hash::sha256});
  Verifier edwards(edwards_key(), {Scheme::eddsa});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(point.verify(kPointMessage, bytes(kPointSignature)));
    EXPECT_FALSE(point.verify(kEdwardsMessage, bytes(kPointSignature)));
    EXPECT_TRUE(edwards.verify(kEdwardsMessage, bytes(kEdwardsSignature)));
    EXPECT_FALSE(edwards.verify(kPointMessage, bytes(kEdwardsSignature)));
  }
}

TEST(Verifier, refuses_every_changed_bit_and_other_lengths) {
  Verifier point(point_key(), {Scheme::ecdsa, Hash::sha256});
  std::string good = bytes(kPointSignature);
  for (size_t bit = 0; bit < good.size() * 8; bit += 13) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(point.verify(kPointMessage, bad)) << bit;
  }
  for (size_t length : {0, 1, 32, 63}) EXPECT_FALSE(point.verify(kPointMessage, good.substr(0, length)));
  EXPECT_FALSE(point.verify(kPointMessage, good + std::string(1, '\0')));
  EXPECT_FALSE(point.verify(kPointMessage, std::string(32, '\0') + good));
}

TEST(Verifier, refuses_zero_as_r_or_s) {
  Verifier point(point_key(), {Scheme::ecdsa, Hash::sha256});
  std::string good = bytes(kPointSignature), zeros(32, '\0');
  EXPECT_FALSE(point.verify(kPointMessage, std::string(64, '\0')));
  EXPECT_FALSE(point.verify(kPointMessage, zeros + good.substr(32)));
  EXPECT_FALSE(point.verify(kPointMessage, good.substr(0, 32) + zeros));
}

TEST(Verifier, of_another_key_made_after_it_keeps_its_own) {
  Verifier first(point_key(), {Scheme::ecdsa, Hash::sha256});
  EXPECT_TRUE(first.verify(kPointMessage, bytes(kPointSignature)));
  // RFC 7517 appendix A.1's P-256 key.
  auto other = PublicKey::from_point(KeyType::p256,
                                     bytes("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"),
                                     bytes("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"));
  ASSERT_TRUE(other);
  Verifier second(*other, {Scheme::ecdsa, Hash::sha256});
  EXPECT_FALSE(second.verify(kPointMessage, bytes(kPointSignature)));
  EXPECT_TRUE(first.verify(kPointMessage, bytes(kPointSignature)));
}

TEST(PublicKey, goes_with_its_own_algorithms_only) {
  for (KeyType type : {KeyType::rsa, KeyType::p256, KeyType::p384, KeyType::p521, KeyType::ed25519,
                       KeyType::ed448}) {
    bool edwards = type == KeyType::ed25519 || type == KeyType::ed448;
    EXPECT_EQ(matches(type, {Scheme::eddsa}), edwards);
    for (Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
      EXPECT_EQ(matches(type, {Scheme::rsa_pkcs1, hash}), type == KeyType::rsa);
      EXPECT_EQ(matches(type, {Scheme::rsa_pss, hash}), type == KeyType::rsa);
    }
  }
  EXPECT_TRUE(matches(KeyType::p384, {Scheme::ecdsa, Hash::sha384}));
  EXPECT_FALSE(matches(KeyType::p256, {Scheme::ecdsa, Hash::sha384}));
  EXPECT_FALSE(matches(KeyType::p521, {Scheme::ecdsa, Hash::sha256}));
}

TEST(PublicKey, of_a_weak_kind_is_refused_with_its_reason) {
  auto why = [](const Result<PublicKey>& key) {
    return key ? std::string("taken") : std::string(key.error().what);
  };
  std::string modulus = bytes(kModulus);
  EXPECT_EQ(why(PublicKey::from_rsa(modulus, bytes("AQAB"))), "taken");
  EXPECT_EQ(why(PublicKey::from_rsa(modulus.substr(0, 128), bytes("AQAB"))),
            "an RSA key of less than 2048 bits");
  EXPECT_EQ(why(PublicKey::from_rsa(modulus, "\x01")), "an RSA exponent that is even or 1");
  EXPECT_EQ(why(PublicKey::from_rsa(modulus, "\x02")), "an RSA exponent that is even or 1");
  EXPECT_EQ(why(PublicKey::from_rsa(modulus, std::string("\x01\0\x01\0\0\0\0\0\x01", 9))),
            "an RSA exponent of more than 64 bits");
  EXPECT_EQ(why(PublicKey::from_rsa(std::string(3000, '\xff'), bytes("AQAB"))),
            "an RSA key of more than 16384 bits");
  EXPECT_NE(why(PublicKey::from_rsa("", "")), "taken");
  EXPECT_NE(why(PublicKey::from_rsa(modulus, "")), "taken");
  std::string even = modulus;
  even.back() = '\0';
  EXPECT_EQ(why(PublicKey::from_rsa(even, bytes("AQAB"))), "an even RSA modulus");
  std::string y = bytes(kPointY);
  y[5] = static_cast<char>(y[5] ^ 1);
  EXPECT_NE(why(PublicKey::from_point(KeyType::p256, bytes(kPointX), y)), "taken");
  EXPECT_NE(why(PublicKey::from_point(KeyType::p384, bytes(kPointX), bytes(kPointY))), "taken");
  EXPECT_NE(why(PublicKey::from_edwards(KeyType::ed448, bytes(kEdwardsX))), "taken");
}

TEST(PublicKey, is_read_from_pem_but_no_private_one) {
  constexpr std::string_view kPem =
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
      "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
      "-----END PUBLIC KEY-----\n";
  auto key = PublicKey::from_pem(kPem);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->type(), KeyType::p256);
  EXPECT_TRUE(Verifier(*key, {Scheme::ecdsa, Hash::sha256})
                  .verify(kPointMessage, bytes(kPointSignature)));
  for (std::string_view text : {"", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                                "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_FALSE(PublicKey::from_pem(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::crypto
