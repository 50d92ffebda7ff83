#include "base/control_byte.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

size_t byte_by_byte(std::string_view text, size_t from) {
  while (from < text.size() && static_cast<unsigned char>(text[from]) >= 0x20) ++from;
  return from;
}

TEST(ControlByte, is_found_wherever_it_stands) {
  for (size_t size = 0; size <= 50; ++size) {
    for (size_t at = 0; at <= size; ++at) {
      std::string text(size, 'x');
      if (at < size) text[at] = '\n';
      if (at + 3 < size) text[at + 3] = '\r';   // a second one is not taken for the first
      for (size_t from = 0; from <= size; ++from) {
        ASSERT_EQ(next_control(text, from), byte_by_byte(text, from)) << size << ' ' << at << ' ' << from;
      }
    }
  }
}

TEST(ControlByte, is_any_below_space_and_no_other) {
  for (int value = 0; value < 256; ++value) {
    std::string text = "0123456789abcdef";
    text[11] = static_cast<char>(value);
    EXPECT_EQ(next_control(text, 0), value < 0x20 ? 11u : 16u) << value;
  }
}

}  // namespace
}  // namespace sluice
