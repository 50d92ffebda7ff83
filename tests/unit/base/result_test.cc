#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace sluice {
namespace {

Result<int> halve(int value) {
  if (value % 2 != 0) return Error{Code::bad_value, Side::client, Progress::unsent, "odd"};
  return value / 2;
}

TEST(Result, holds_a_value_or_an_error) {
  Result<int> good = halve(8);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 4);
  EXPECT_EQ(good.value_or(0), 4);
  Result<int> bad = halve(7);
  ASSERT_FALSE(bad);
  EXPECT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Code::bad_value);
  EXPECT_STREQ(bad.error().what, "odd");
  EXPECT_EQ(bad.value_or(9), 9);
}

TEST(Result, moves_values_that_cannot_be_copied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(5);
  EXPECT_EQ(**made, 5);
  std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 5);
}

TEST(Result, changes_its_value_in_place) {
  Result<std::string> text = std::string("a");
  *text += "b";
  text->push_back('c');
  EXPECT_EQ(*text, "abc");
}

TEST(Result, of_void_is_done_or_an_error) {
  Result<void> done;
  EXPECT_TRUE(done);
  Result<void> failed = Error{Code::timeout};
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::timeout);
}

TEST(Result, carries_other_errors_than_Error) {
  Result<int, std::string> bad = std::string("why");
  EXPECT_EQ(bad.error(), "why");
}

TEST(Error, is_true_when_something_went_wrong) {
  EXPECT_FALSE(Error{});
  EXPECT_TRUE(Error{Code::reset});
}

TEST(Error, every_code_has_its_own_name) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    names.insert(code_name(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Code::internal) + 1);
}

TEST(Check, narrow_passes_what_fits) {
  EXPECT_EQ(narrow<uint8_t>(255), 255);
  EXPECT_EQ(narrow<int8_t>(-128), -128);
  EXPECT_EQ(narrow<uint64_t>(int64_t{5}), 5u);
}

TEST(CheckDeathTest, narrow_ends_the_process_on_what_does_not) {
  EXPECT_DEATH(narrow<uint8_t>(256), "internal error");
  EXPECT_DEATH(narrow<uint32_t>(-1), "internal error");
  EXPECT_DEATH(narrow<int32_t>(uint32_t{0x80000000u}), "internal error");
}

}  // namespace
}  // namespace sluice
