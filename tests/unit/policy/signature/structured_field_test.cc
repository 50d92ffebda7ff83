#include "policy/signature/structured_field.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

struct StructuredField : testing::Test {
  std::string dictionary(std::string_view text) {
    Result<Members> members = parse_dictionary(text, arena);
    if (!members) return std::string("! ") + members.error().what;
    std::string out;
    append_dictionary(*members, out);
    return out;
  }
  std::string list(std::string_view text) {
    Result<Members> members = parse_list(text, arena);
    if (!members) return std::string("! ") + members.error().what;
    std::string out;
    append_list(*members, out);
    return out;
  }
  std::string item(std::string_view text) {
    Result<StructuredItem> read = parse_item(text, arena);
    if (!read) return std::string("! ") + read.error().what;
    std::string out;
    append_item(*read, out);
    return out;
  }
  BlockPool pool;
  Arena arena{pool};
};

TEST_F(StructuredField, has_one_spelling) {
  EXPECT_EQ(dictionary("  a=1,   b=2;x=1;y=2,\tc=(a   b   c), d  "),
            "a=1, b=2;x=1;y=2, c=(a b c), d");
  EXPECT_EQ(dictionary(""), "");
  EXPECT_EQ(dictionary("a=?1, b=?0, c;x, d=?1;y=?1"), "a, b=?0, c;x, d;y");
  EXPECT_EQ(dictionary("s=\"a\\\"b\\\\\", t=*foo/bar:x, h=:aGVsbG8=:, e=::"),
            "s=\"a\\\"b\\\\\", t=*foo/bar:x, h=:aGVsbG8=:, e=::");
  EXPECT_EQ(dictionary("a=(), b=( \"x\";q=0.50  y );tag=\"t\""), "a=(), b=(\"x\";q=0.5 y);tag=\"t\"");
  EXPECT_EQ(dictionary("sig1=(\"@method\" \"@query-param\";name=\"Pet\");created=1618884473"),
            "sig1=(\"@method\" \"@query-param\";name=\"Pet\");created=1618884473");
  EXPECT_EQ(list("a, (b c);d,\te \t"), "a, (b c);d, e");
  EXPECT_EQ(item(" 5;foo = 1"), "! something after the value");
  EXPECT_EQ(item(" a; b=1;c "), "a;b=1;c");
}

TEST_F(StructuredField, reads_numbers) {
  EXPECT_EQ(item("-999999999999999"), "-999999999999999");
  EXPECT_EQ(item("007"), "7");
  EXPECT_EQ(item("-0"), "0");
  EXPECT_EQ(item("-0.125"), "-0.125");
  EXPECT_EQ(item("1.500"), "1.5");
  EXPECT_EQ(item("1.0"), "1.0");
  EXPECT_EQ(item("123456789012.345"), "123456789012.345");
  EXPECT_EQ(item("@1659578233"), "@1659578233");
  EXPECT_EQ(parse_item("-42", arena)->value.number, -42);
  EXPECT_EQ(parse_item("1.25", arena)->value.number, 1250);
  EXPECT_EQ(parse_item("\"a\\\\b\"", arena)->value.text, "a\\b");
  EXPECT_EQ(parse_item(":aGVsbG8=:", arena)->value.text, "hello");
}

TEST_F(StructuredField, refuses_what_is_none) {
  EXPECT_EQ(dictionary("A=1"), "! no key where one must be");
  EXPECT_EQ(dictionary("a=1,"), "! a comma at the end");
  EXPECT_EQ(dictionary("a=1 b=2"), "! no comma between two members");
  EXPECT_EQ(dictionary("a=1,,b=2"), "! no key where one must be");
  EXPECT_EQ(dictionary("a="), "! no value where one must be");
  EXPECT_EQ(dictionary("a=1, a=2"), "! a key that is there twice");
  EXPECT_EQ(dictionary("a;x=1;x=2"), "! a parameter that is there twice");
  EXPECT_EQ(dictionary("\ta=1"), "! no key where one must be");
  EXPECT_EQ(item("\"a"), "! a string that does not end");
  EXPECT_EQ(item("\"a\\"), "! a backslash before something else than a quote or a backslash");
  EXPECT_EQ(item("\"a\\n\""), "! a backslash before something else than a quote or a backslash");
  EXPECT_EQ(item("\"\xc3\xa4\""), "! a string with a byte outside of ASCII");
  EXPECT_EQ(item(std::string("\"a\0\"", 4)), "! a string with a byte outside of ASCII");
  EXPECT_EQ(item(":aGVsbG8=:;x=:aGVsbG8:"), "! a byte sequence that is no base64");
  EXPECT_EQ(item(":aGVsbG9=:"), "! a byte sequence that is no base64");   // surplus bits
  EXPECT_EQ(item(":aGVs"), "! a byte sequence that does not end");
  EXPECT_EQ(item("?2"), "! a boolean that is neither ?0 nor ?1");
  EXPECT_EQ(item("-"), "! a number without digits");
  EXPECT_EQ(item("1."), "! a decimal that has not 1 to 12 digits before and 1 to 3 after its point");
  EXPECT_EQ(item("1.2345"),
            "! a decimal that has not 1 to 12 digits before and 1 to 3 after its point");
  EXPECT_EQ(item("@1.5"), "! a date with a fraction");
  EXPECT_EQ(item("%\"x\""), "! a display string");
  EXPECT_EQ(item("a\t"), "! something after the value");
  EXPECT_EQ(item(""), "! no value where one must be");
  EXPECT_EQ(list("(a b"), "! no space between two items");
  EXPECT_EQ(list("(a\tb)"), "! no space between two items");
  EXPECT_EQ(list("(a"), "! no space between two items");
  EXPECT_EQ(list("("), "! no value where one must be");
  EXPECT_EQ(list("((a))"), "! no value where one must be");
}

TEST_F(StructuredField, has_limits) {
  std::string keys, items = "(", parameters = "a";
  for (size_t i = 0; i <= kStructuredMembersMax; ++i) keys += (i ? ",k" : "k") + std::to_string(i);
  for (size_t i = 0; i <= kInnerItemsMax; ++i) items += "a ";
  for (size_t i = 0; i <= kParametersMax; ++i) parameters += ";p" + std::to_string(i);
  EXPECT_EQ(dictionary(keys), "! more than 64 members");
  EXPECT_NE(dictionary(keys.substr(0, keys.rfind(','))).front(), '!');
  EXPECT_EQ(list(items + ")"), "! more than 64 items in a list");
  EXPECT_EQ(list(parameters), "! more than 16 parameters");
  EXPECT_EQ(dictionary(std::string(kStructuredKeyBytesMax + 1, 'k')),
            "! a key of more than 64 letters");
  EXPECT_EQ(item("1234567890123456"), "! a number of more than 15 digits");
  EXPECT_EQ(item(std::string(kStructuredBytesMax + 1, 'a')), "! a field of more than 16 KiB");
}

}  // namespace
}  // namespace sluice::policy
