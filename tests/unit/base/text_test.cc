#include "base/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace sluice {
namespace {

TEST(Text, compares_without_case_in_ascii_only) {
  EXPECT_TRUE(equals_ignore_case("", ""));
  EXPECT_TRUE(equals_ignore_case("Content-Length", "cONTENT-lENGTH"));
  EXPECT_FALSE(equals_ignore_case("Host", "Hos"));
  EXPECT_FALSE(equals_ignore_case("a@", "a`"));  // 0x40 and 0x60 differ by 32 but are no letters
  EXPECT_FALSE(equals_ignore_case("\xC3\x84", "\xC3\xA4"));
  EXPECT_TRUE(starts_with_ignore_case("Bearer x", "bearer "));
  EXPECT_FALSE(starts_with_ignore_case("Be", "bearer"));
}

TEST(Text, hex_digits_have_values) {
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
  for (char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '\xff'}) EXPECT_EQ(hex_value(c), -1) << c;
}

TEST(Text, trims_spaces_and_tabs_only) {
  EXPECT_EQ(trim_ows(" \t a b\t "), "a b");
  EXPECT_EQ(trim_ows(" \t "), "");
  EXPECT_EQ(trim_ows(""), "");
  EXPECT_EQ(trim_ows("\r\na\v"), "\r\na\v");
}

TEST(Text, parses_decimal_strictly) {
  struct {
    std::string_view text;
    std::optional<uint64_t> value;
  } cases[] = {
      {"0", 0},
      {"007", 7},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
      {"18446744073709551616", std::nullopt},
      {"9999999999999999999", 9'999'999'999'999'999'999ULL},
      {"00000000000000000000000012", 12},
      {"1844674407370955161a", std::nullopt},
      {"", std::nullopt},
      {"+1", std::nullopt},
      {"-1", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", std::nullopt},
      {"0x1", std::nullopt},
      {"1e3", std::nullopt},
      {std::string_view("1\0", 2), std::nullopt},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(parse_decimal(text), value) << text;
  EXPECT_EQ(parse_decimal({}), std::nullopt);
}

TEST(Text, writes_hex_of_sixteen_digits) {
  EXPECT_EQ(hex_text(0), "0000000000000000");
  EXPECT_EQ(hex_text(0x0123456789abcdef), "0123456789abcdef");
  EXPECT_EQ(hex_text(0xfedcba9876543210), "fedcba9876543210");
  EXPECT_EQ(hex_text(0x0f09'0a9a'a990'99af), "0f090a9aa99099af");
  EXPECT_EQ(hex_text(~uint64_t{0}), "ffffffffffffffff");
}

TEST(Text, parses_hex_strictly) {
  struct {
    std::string_view text;
    std::optional<uint64_t> value;
  } cases[] = {
      {"0", 0},
      {"fF", 255},
      {"ffffffffffffffff", ~uint64_t{0}},
      {"10000000000000000", std::nullopt},
      {"", std::nullopt},
      {"0x1", std::nullopt},
      {"-1", std::nullopt},
      {"g", std::nullopt},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(parse_hex(text), value) << text;
}

TEST(Text, writes_what_it_parses) {
  for (uint64_t value : {uint64_t{0}, uint64_t{9}, uint64_t{10}, ~uint64_t{0}}) {
    char buffer[20];
    std::string_view text(buffer, static_cast<size_t>(write_decimal(buffer, value) - buffer));
    EXPECT_EQ(text, std::to_string(value));
  }
}

std::vector<std::string> elements(std::string_view list) {
  std::vector<std::string> out;
  each_list_element(list, [&](std::string_view element) {
    out.emplace_back(element);
    return element != "stop";
  });
  return out;
}

TEST(Text, lists_are_split_outside_quotes) {
  using Elements = std::vector<std::string>;
  struct {
    std::string_view list;
    Elements elements;
  } cases[] = {
      {"", {}},
      {",", {}},
      {" , ,\t,", {}},
      {"a", {"a"}},
      {"a, b ,c", {"a", "b", "c"}},
      {"a,,b,", {"a", "b"}},
      {R"(a="x,y", b)", {R"(a="x,y")", "b"}},
      {R"("a\",b",c)", {R"("a\",b")", "c"}},
      {R"("open, c)", {R"("open, c)"}},
      {"\"\\", {"\"\\"}},
      {"a, stop, b", {"a", "stop"}},
  };
  for (const auto& [list, expected] : cases) EXPECT_EQ(elements(list), expected) << list;
}

TEST(Text, edit_distance_counts_typing_mistakes) {
  struct {
    std::string_view a, b;
    size_t distance;
  } cases[] = {
      {"", "", 0},
      {"", "ab", 2},
      {"limit", "limit", 0},
      {"limt", "limit", 1},
      {"limitt", "limit", 1},
      {"lomit", "limit", 1},
      {"ilmit", "limit", 1},  // neighbours swapped
      {"rate_limt", "rate_limit", 1},
      {"max_agee", "max_age", 1},
      {"ca", "abc", 3},  // optimal string alignment: no edit between swapped letters
      {"kitten", "sitting", 3},
      {"abcd", "badc", 2},
  };
  for (auto [a, b, distance] : cases) {
    EXPECT_EQ(edit_distance(a, b, 5), distance) << a << " " << b;
    EXPECT_EQ(edit_distance(b, a, 5), distance) << b << " " << a;
  }
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3u);  // limit + 1: more than asked for
  EXPECT_EQ(edit_distance("a", "abcdefgh", 2), 3u);
  EXPECT_EQ(edit_distance("completely", "different!", 2), 3u);
}

TEST(Text, printable_shows_every_byte) {
  EXPECT_EQ(printable("a b~"), "a b~");
  EXPECT_EQ(printable(std::string_view("\0\n\x1f\x7f\xc3\xff", 6)),
            "\\x00\\x0a\\x1f\\x7f\\xc3\\xff");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Text, json_strings_are_valid_whatever_comes_in) {
  struct {
    std::string_view text, json;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"a\"b\\c/", "a\\\"b\\\\c/"},
      {"\r\n\t", "\\u000d\\u000a\\u0009"},
      {std::string_view("\0x", 2), "\\u0000x"},
      {"\x7f", "\\u007f"},
      {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"\xC3", "\\ufffd"},  // cut off
      {"\xE2\x82", "\\ufffd\\ufffd"},
      {"\xE2\x82z", "\\ufffd\\ufffdz"},
      {"\x80", "\\ufffd"},             // no lead byte
      {"\xC0\xAF", "\\ufffd\\ufffd"},  // overlong slash
      {"\xC1\x81", "\\ufffd\\ufffd"},
      {"\xE0\x80\xAF", "\\ufffd\\ufffd\\ufffd"},
      {"\xF0\x80\x80\xAF", "\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"\xED\xA0\x80", "\\ufffd\\ufffd\\ufffd"},             // surrogate
      {"\xED\x9F\xBF", "\xED\x9F\xBF"},                      // just below them
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},              // U+10FFFF
      {"\xF4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},  // beyond it
      {"\xF5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"\xFF\xFE", "\\ufffd\\ufffd"},
  };
  for (const auto& [text, json] : cases) {
    std::string out = "[";
    append_json(out, text);
    EXPECT_EQ(out, "[" + std::string(json)) << printable(text);
  }
}

}  // namespace
}  // namespace sluice
