#include "base/json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

constexpr size_t kBytesMax = 1 << 20;

TEST(Json, tells_types_and_values) {
  JsonReader reader(kBytesMax);
  auto read = reader.read(R"({"a":"x\u00e9","n":-3,"f":1.5,"b":true,"z":null,"l":[1,"2"],"o":{"k":"v"}})");
  ASSERT_TRUE(read);
  JsonValue root = *read;
  EXPECT_TRUE(root.is_object());
  EXPECT_EQ(root.member("a")->string(), "x\xc3\xa9");
  EXPECT_EQ(root.member("n")->integer(), -3);
  EXPECT_EQ(root.member("n")->number(), -3.0);
  EXPECT_EQ(root.member("f")->number(), 1.5);
  EXPECT_FALSE(root.member("f")->integer());
  EXPECT_EQ(root.member("b")->boolean(), true);
  EXPECT_EQ(root.member("z")->type(), JsonValue::Type::null);
  EXPECT_FALSE(root.member("a")->number());
  EXPECT_FALSE(root.member("missing"));
  EXPECT_EQ(root.member("o")->member("k")->string(), "v");
  std::vector<std::string> names;
  for (JsonMembers members = root.members(); members.next();) names.emplace_back(members.name());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "n", "f", "b", "z", "l", "o"}));
  size_t elements = 0;
  for (JsonElements list = root.member("l")->elements(); list.next();) {
    EXPECT_EQ(list.value().type(),
              elements++ == 0 ? JsonValue::Type::number : JsonValue::Type::string);
  }
  EXPECT_EQ(elements, 2u);
  EXPECT_FALSE(root.member("l")->members().next());
  EXPECT_FALSE(root.elements().next());
}

TEST(Json, refuses_what_two_parsers_could_read_in_two_ways) {
  JsonReader reader(kBytesMax);
  for (const char* text :
       {"", " ", "{", "{}x", "{} {}", "[1,]", "{\"a\":1,}", "{'a':1}", "nul", "01", "+1", ".5",
        "NaN", "1e400", "18446744073709551616", "\"\x01\"", "\"\xff\"", "\"\\ud800\"",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"o\":{\"b\":1,\"b\":1}}",
        "[[{\"x\":1,\"x\":1}]]", "{a:1}", "// c\n1", "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(reader.read(text)) << text;
  }
  std::string many = "{";
  for (int i = 0; i < 40; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_TRUE(reader.read(many + "\"l\":1}"));
  EXPECT_FALSE(reader.read(many + "\"k7\":1}"));
}

TEST(Json, is_bounded_in_depth_and_length) {
  JsonReader reader(kBytesMax);
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(reader.read(nested(JsonReader::kDepthMax)));
  EXPECT_FALSE(reader.read(nested(JsonReader::kDepthMax + 1)));
  EXPECT_FALSE(reader.read(nested(100'000)));
  JsonReader small(100);
  EXPECT_TRUE(small.read("\"" + std::string(98, 'x') + "\""));
  auto refused = small.read("\"" + std::string(99, 'x') + "\"");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
}

}  // namespace
}  // namespace sluice
