#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "crypto/hmac.h"

namespace sluice::crypto {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

TEST(Digest, gives_the_published_values) {
  // FIPS 180-4 examples: "abc".
  EXPECT_EQ(hex(Digest(Hash::sha256).of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(Digest(Hash::sha384).of("abc")),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(hex(Digest(Hash::sha512).of("abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Hasher, begins_anew_after_each_text) {
  Digest digest(Hash::sha256);
  Hasher hasher(digest);
  for (int i = 0; i < 3; ++i) {
    std::string out(32, '\0');
    hasher.add("a");
    hasher.add("");
    hasher.add("bc");
    hasher.finish(reinterpret_cast<unsigned char*>(out.data()));
    EXPECT_EQ(out, digest.of("abc"));
  }
}

TEST(Hmac, gives_the_published_values) {
  // RFC 4231 test case 2.
  HmacKey key(Hash::sha256, "Jefe");
  EXPECT_EQ(hex(key.code("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(HmacKey(Hash::sha512, "Jefe").code("what do ya want for nothing?")),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

TEST(Hmac, verifies_whole_codes_only_and_begins_anew) {
  HmacKey key(Hash::sha384, std::string(200, 'k'));
  std::string code = key.code("message");
  EXPECT_TRUE(key.verify("message", code));
  EXPECT_FALSE(key.verify("massage", code));
  EXPECT_FALSE(key.verify("message", code.substr(0, 47)));
  EXPECT_FALSE(key.verify("message", ""));
  EXPECT_FALSE(key.verify("message", code + "x"));
  Hmac again(key);
  for (int i = 0; i < 3; ++i) {
    std::string out(48, '\0');
    again.add("mess");
    again.add("age");
    again.finish(reinterpret_cast<unsigned char*>(out.data()));
    EXPECT_EQ(out, code);
  }
}

TEST(EqualConstantTime, compares_lengths_too) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("ab", "ab"));
  EXPECT_FALSE(equal_constant_time("ab", "abc"));
  EXPECT_FALSE(equal_constant_time("ab", "aB"));
}

}  // namespace
}  // namespace sluice::crypto
