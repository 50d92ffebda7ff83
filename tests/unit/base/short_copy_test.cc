#include "base/short_copy.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(ShortCopy, copies_every_length_and_nothing_beyond) {
  for (size_t bytes = 0; bytes <= 100; ++bytes) {
    std::string from;   // of exactly that size: a sanitizer sees a byte read too many
    for (size_t i = 0; i < bytes; ++i) from += static_cast<char>('A' + i % 53);
    std::string to(bytes + 2, '#');
    char* end = copy_short(to.data() + 1, from.data(), bytes);
    EXPECT_EQ(end, to.data() + 1 + bytes);
    EXPECT_EQ(to, "#" + from + "#");
  }
}

TEST(ShortCopy, nothing_may_be_nowhere) {
  char out = '#';
  EXPECT_EQ(copy_short(&out, nullptr, 0), &out);
  EXPECT_EQ(out, '#');
}

}  // namespace
}  // namespace sluice
