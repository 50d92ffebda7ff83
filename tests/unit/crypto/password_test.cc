#include "crypto/password.h"

#include <gtest/gtest.h>

namespace sluice::crypto {
namespace {

TEST(PasswordHash, verifies_what_others_have_made) {
  struct Case {
    std::string_view hash, password, cost;
  };
  constexpr Case kCases[] = {
      // of crypt_blowfish and of the reference implementation of Argon2
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "$2a$05"},
      {"$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "$2y$05"},
      {"$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U", "$2b$05"},
      {"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password",
       "$argon2id$v=19$m=256,t=2,p=1"},
      {"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password",
       "$argon2id$v=19$m=256,t=2,p=2"},
      {"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password",
       "$argon2i$v=19$m=256,t=2,p=1"},
      {"$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "password",
       "$argon2i$m=256,t=2,p=1"},
  };
  for (const Case& one : kCases) {
    auto hash = PasswordHash::parse(one.hash);
    ASSERT_TRUE(hash) << one.hash << ": " << hash.error();
    EXPECT_EQ(hash->cost(), one.cost);
    EXPECT_TRUE(hash->verify(one.password)) << one.hash;
    EXPECT_FALSE(hash->verify(std::string(one.password) + "x")) << one.hash;
    EXPECT_FALSE(hash->verify("")) << one.hash;
    EXPECT_FALSE(hash->verify(std::string(one.password) + std::string("\0", 1))) << one.hash;
    EXPECT_FALSE(hash->verify(std::string(kPasswordBytesMax + 1, 'x'))) << one.hash;
  }
}

TEST(PasswordHash, its_own_have_a_new_salt_each_time) {
  for (auto make : {&hash_bcrypt, &hash_argon2id}) {
    std::string first = make("grüße"), second = make("grüße");
    EXPECT_NE(first, second);
    auto hash = PasswordHash::parse(first);
    ASSERT_TRUE(hash) << hash.error();
    EXPECT_TRUE(hash->verify("grüße"));
    EXPECT_FALSE(hash->verify("grüsse"));
  }
}

TEST(PasswordHash, what_is_broken_or_too_dear_is_refused_with_the_reason) {
  const std::string kSaltAndDigest = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  const std::string kBcryptEnd = "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  const std::pair<std::string, std::string> kCases[] = {
      {"", "is neither a bcrypt nor an Argon2 hash"},
      {"secret", "is neither a bcrypt nor an Argon2 hash"},
      {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "is neither a bcrypt nor an Argon2 hash"},
      {"$apr1$abc$def", "is neither a bcrypt nor an Argon2 hash"},
      {"$6$salt$hash", "is neither a bcrypt nor an Argon2 hash"},
      {"$2x$05" + kBcryptEnd, "is neither a bcrypt nor an Argon2 hash"},
      {"$2y$5" + kBcryptEnd, "is no whole bcrypt hash"},
      {"$2y$03" + kBcryptEnd, "is no whole bcrypt hash"},
      {"$2y$05" + kBcryptEnd + "x", "is no whole bcrypt hash"},
      {"$2y$05$CCCCCCCCCCCCCCCCCCCCC:E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "is no whole bcrypt hash"},
      {"$2y$16" + kBcryptEnd, "is a bcrypt hash of a cost over 15"},
      {"$argon2id$v=18$m=256,t=2,p=1" + kSaltAndDigest, "is no whole Argon2 hash"},
      {"$argon2id$v=19$m=256,t=2" + kSaltAndDigest, "is no whole Argon2 hash"},
      {"$argon2id$v=19$m=-1,t=2,p=1" + kSaltAndDigest, "is no whole Argon2 hash"},
      {"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ", "is no whole Argon2 hash"},
      {"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "is no whole Argon2 hash"},
      {"$argon2id$v=19$m=256,t=0,p=1" + kSaltAndDigest, "is an Argon2 hash with impossible numbers"},
      {"$argon2id$v=19$m=256,t=2,p=0" + kSaltAndDigest, "is an Argon2 hash with impossible numbers"},
      {"$argon2id$v=19$m=15,t=2,p=2" + kSaltAndDigest, "is an Argon2 hash with impossible numbers"},
      {"$argon2id$v=19$m=256,t=2,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
       "is an Argon2 hash with impossible numbers"},
      {"$argon2id$v=19$m=131073,t=2,p=1" + kSaltAndDigest,
       "is an Argon2 hash that costs too much: at most m=131072, t=64, p=16"},
      {"$argon2id$v=19$m=256,t=65,p=1" + kSaltAndDigest,
       "is an Argon2 hash that costs too much: at most m=131072, t=64, p=16"},
  };
  for (const auto& [text, why] : kCases) {
    auto hash = PasswordHash::parse(text);
    ASSERT_FALSE(hash) << text;
    EXPECT_EQ(hash.error(), why) << text;
  }
}

}  // namespace
}  // namespace sluice::crypto
