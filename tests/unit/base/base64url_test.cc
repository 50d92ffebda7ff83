#include "base/base64url.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Base64url, reads_the_examples_of_its_rfcs) {
  // RFC 4648 section 10 without padding, RFC 7515 appendix C.
  const struct { const char* text; std::string_view bytes; } cases[] = {
      {"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg", "foob"},
      {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"}, {"A-z_4ME", "\x03\xec\xff\xe0\xc1"}};
  for (const auto& one : cases) {
    std::string out = "old";
    EXPECT_TRUE(decode_base64url(one.text, out)) << one.text;
    EXPECT_EQ(out, one.bytes);
    EXPECT_EQ(encode_base64url(one.bytes), one.text);
  }
}

TEST(Base64url, has_one_spelling_only) {
  for (std::string_view text :
       {"Z", "Zm9vY", "Zg==", "Zm8=", "Zm9v=", "Zm 9v", "Zm9v\n", " Zm9v", "Zm9v\r", "Z+9v", "Z/9v",
        "Zh", "Zm9", "Zm9vYh", "Zm9vYmF", "Zm9\x80", "Zm\xff", "Zm9v.", "Zm9v\t"}) {
    std::string out;
    EXPECT_FALSE(decode_base64url(text, out)) << text;
    EXPECT_TRUE(out.empty());
  }
  std::string out;
  EXPECT_FALSE(decode_base64url(std::string_view("Z\0", 2), out));
}

TEST(Base64url, returns_every_byte_at_every_place) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes += static_cast<char>(i * 7 + i / 256);
    std::string back;
    ASSERT_TRUE(decode_base64url(encode_base64url(bytes), back));
    ASSERT_EQ(back, bytes);
  }
}

}  // namespace
}  // namespace sluice
