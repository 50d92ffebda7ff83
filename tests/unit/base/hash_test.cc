#include "base/hash.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice {
namespace {

// Expected values from CPython 3.11, whose str hash is SipHash-1-3 (PYTHONHASHSEED=0: both keys
// zero).
TEST(Hash, siphash_agrees_with_another_implementation) {
  struct {
    std::string_view text;
    uint64_t hash;
  } cases[] = {
      {"a", 0x407448d2b89b1813},         {"abc", 0xc03bc3a0042630f2},
      {"abcdefg", 0x6db12aae9070f506},   {"abcdefgh", 0x3f7b849c0b8e35ea},
      {"abcdefghi", 0xf89b34a3d11eb6e5}, {"/v2/users/42/orders/7", 0x4d3ecaac5bbb075a},
  };
  for (auto [text, hash] : cases) EXPECT_EQ(siphash(0, 0, text), hash) << text;
}

TEST(Hash, siphash_depends_on_both_keys_and_every_byte) {
  uint64_t plain = siphash(1, 2, "0123456789abcdef");
  EXPECT_NE(plain, siphash(2, 2, "0123456789abcdef"));
  EXPECT_NE(plain, siphash(1, 3, "0123456789abcdef"));
  EXPECT_NE(plain, siphash(1, 2, "0123456789abcdee"));
  EXPECT_NE(siphash(1, 2, ""), siphash(1, 2, std::string_view("\0", 1)));
  EXPECT_EQ(siphash(1, 2, {}), siphash(1, 2, ""));
}

TEST(Hash, both_halves_of_128_bits_depend_on_key_and_every_byte) {
  Hash128 key{1, 2};
  Hash128 plain = siphash128(key, "0123456789abcdef");
  EXPECT_EQ(plain, siphash128(key, "0123456789abcdef"));
  EXPECT_NE(plain.low, plain.high);
  for (Hash128 other : {siphash128({2, 2}, "0123456789abcdef"), siphash128({1, 3}, "0123456789abcdef"),
                        siphash128(key, "0123456789abcdee"), siphash128(key, std::string_view("0123456789abcdef\0", 17))}) {
    EXPECT_NE(plain.low, other.low);
    EXPECT_NE(plain.high, other.high);
  }
}

TEST(Hash, fnv1a_has_its_published_values) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325u);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8u);
  EXPECT_EQ(fnv1a("bar", fnv1a("foo")), fnv1a("foobar"));
}

TEST(Random, repeats_itself_from_the_same_seed_only) {
  Random a(1), b(1), c(2);
  EXPECT_EQ(Random(0).next(),
            0x99ec5f36cb75f2b4u);  // published: xoshiro256** seeded by splitmix64 from 0
  uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Random, below_stays_below_and_reaches_all) {
  Random random(5);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7'000; ++i) {
    uint64_t value = random.below(7);
    ASSERT_LT(value, 7u);
    ++seen[value];
  }
  for (int count : seen) EXPECT_NEAR(count, 1'000, 200);
  EXPECT_EQ(random.below(1), 0u);
}

}  // namespace
}  // namespace sluice
