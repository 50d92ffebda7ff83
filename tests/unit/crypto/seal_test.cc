#include "crypto/seal.h"

#include <gtest/gtest.h>

namespace sluice::crypto {
namespace {

Seal::Key key_of(unsigned char first) {
  Seal::Key key{};
  key[0] = first;
  return key;
}

// Test cases 13 and 14 of "The Galois/Counter Mode of Operation" (McGrew and Viega): key, nonce and text are zeros.
TEST(Seal, is_aes_256_gcm) {
  EXPECT_EQ(Seal().close(key_of(0), ""), "\x53\x0f\x8a\xfb\xc7\x45\x36\xb9\xa9\x63\xb4\xf1\xc4\xcb\x73\x8b");
  EXPECT_EQ(Seal().close(key_of(0), std::string(16, '\0')),
            "\xce\xa7\x40\x3d\x4d\x60\x6b\x6e\x07\x4e\xc5\xd3\xba\xf3\x9d\x18"
            "\xd0\xd1\xc8\xa7\x99\x99\x6b\xf0\x26\x5b\x98\xb5\xd4\x8a\xb9\x19");
}

TEST(Seal, opens_what_it_closed) {
  Seal seal;
  for (std::string text : {std::string(), std::string("a"), std::string(5'000, 'x'), std::string("\0\xff", 2)}) {
    std::string sealed = seal.close(key_of(7), text);
    EXPECT_EQ(sealed.size(), text.size() + Seal::kTagBytes);
    auto opened = seal.open(key_of(7), sealed);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(opened->bytes(), text);
  }
}

TEST(Seal, opens_nothing_else) {
  Seal seal;
  std::string sealed = seal.close(key_of(7), "alice");
  EXPECT_EQ(sealed.find("alice"), std::string::npos);
  EXPECT_FALSE(seal.open(key_of(8), sealed));
  EXPECT_FALSE(seal.open(key_of(7), sealed + "x"));
  for (size_t size = 0; size < sealed.size(); ++size) EXPECT_FALSE(seal.open(key_of(7), sealed.substr(0, size))) << size;
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    std::string changed = sealed;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(seal.open(key_of(7), changed)) << bit;
  }
}

}  // namespace
}  // namespace sluice::crypto
