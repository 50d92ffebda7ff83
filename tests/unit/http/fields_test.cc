#include "http/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/text.h"

namespace sluice::http {
namespace {

TEST(FieldId, is_found_by_name_in_any_case) {
  for (int i = 1; i < static_cast<int>(FieldId::count_); ++i) {
    auto id = static_cast<FieldId>(i);
    std::string name(field_name(id)), upper = name, lower = name;
    ASSERT_FALSE(name.empty()) << i;
    std::transform(name.begin(), name.end(), upper.begin(),
                   [](unsigned char c) { return std::toupper(c); });
    std::transform(name.begin(), name.end(), lower.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    for (const std::string& spelling : {name, upper, lower})
      EXPECT_EQ(field_id(spelling), id) << spelling;
  }
  EXPECT_EQ(field_name(FieldId::content_length), "Content-Length");
  EXPECT_EQ(field_name(FieldId::x_forwarded_for), "X-Forwarded-For");
  EXPECT_EQ(field_name(FieldId::sec_websocket_key), "Sec-WebSocket-Key");
}

TEST(FieldId, of_a_name_that_differs_in_one_byte_is_other) {
  for (int i = 1; i < static_cast<int>(FieldId::count_); ++i) {
    std::string name(field_name(static_cast<FieldId>(i)));
    for (size_t at = 0; at < name.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string other = name;
        other[at] = static_cast<char>(c);
        if (equals_ignore_case(other, name)) continue;
        ASSERT_EQ(field_id(other), FieldId::other) << printable(other);
      }
    }
    ASSERT_EQ(field_id(name + "x"), FieldId::other);
    ASSERT_NE(field_id(name.substr(1)), static_cast<FieldId>(i));
  }
  EXPECT_EQ(field_id(""), FieldId::other);
  EXPECT_EQ(field_id(std::string(1000, 'x')), FieldId::other);
}

class FieldsTest : public ::testing::Test {
 protected:
  std::string text() const {
    std::string out;
    for (const Field& field : fields_) (out += field.name()) += '=', (out += field.value()) += ';';
    return out;
  }
  BlockPool pool_;
  Arena arena_{pool_};
  Fields fields_{arena_};
};

TEST_F(FieldsTest, keep_order_and_spelling) {
  fields_.add("x-One", "1");
  fields_.add("HOST", "h");
  fields_.add(FieldId::accept, "a");
  EXPECT_EQ(text(), "x-One=1;HOST=h;Accept=a;");
}

TEST_F(FieldsTest, grow_beyond_the_first_allocation) {
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    fields_.add(arena_.copy("n" + std::to_string(i)), "v");
    expected += "n" + std::to_string(i) + "=v;";
  }
  EXPECT_EQ(fields_.size(), 1000u);
  EXPECT_EQ(text(), expected);
}

TEST_F(FieldsTest, find_the_first_of_a_name) {
  fields_.add("X-A", "1");
  fields_.add("Cookie", "2");
  fields_.add("cookie", "3");
  EXPECT_EQ(fields_.get(FieldId::cookie), "2");
  EXPECT_EQ(fields_.get("COOKIE"), "2");
  EXPECT_EQ(fields_.get("x-a"), "1");
  EXPECT_EQ(fields_.count(FieldId::cookie), 2u);
  EXPECT_EQ(fields_.get("x-b"), std::nullopt);
  EXPECT_EQ(fields_.find(FieldId::host), nullptr);
  EXPECT_EQ(fields_.count(FieldId::host), 0u);
}

TEST_F(FieldsTest, remove_every_field_of_a_name_and_forget_that_it_was_there) {
  fields_.add("X-A", "1");
  fields_.add("Cookie", "2");
  fields_.add("x-a", "3");
  fields_.add("X-B", "4");
  fields_.remove("X-a");
  EXPECT_EQ(text(), "Cookie=2;X-B=4;");
  fields_.remove(FieldId::cookie);
  EXPECT_FALSE(fields_.has(FieldId::cookie));
  EXPECT_TRUE(fields_.has(FieldId::other));
  fields_.set("X-B", "5");
  fields_.set(FieldId::host, "h");
  EXPECT_EQ(text(), "X-B=5;Host=h;");
  fields_.remove("x-b");
  EXPECT_FALSE(fields_.has(FieldId::other));
}

}  // namespace
}  // namespace sluice::http
