#include "base/base64.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string encoded(std::string_view bytes) {
  std::string out;
  append_base64(bytes, out);
  return out;
}

TEST(Base64, has_the_examples_of_rfc_4648) {
  constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"", ""},         {"f", "Zg=="},       {"fo", "Zm8="},      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "+/8="}};
  for (auto [bytes, text] : kPairs) {
    std::string decoded;
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_TRUE(decode_base64(text, decoded)) << text;
    EXPECT_EQ(decoded, bytes);
  }
}

TEST(Base64, has_one_spelling) {
  std::string out = "old";
  for (std::string_view text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "-_8=", "Zm 8=", "=", "====", "Zm9v\n",
                                "Zg==Zg==", "Z==="}) {
    EXPECT_FALSE(decode_base64(text, out)) << text;
    EXPECT_TRUE(out.empty());
  }
}

}  // namespace
}  // namespace sluice
