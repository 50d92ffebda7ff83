#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/hash.h"

namespace sluice {
namespace {

TEST(Arena, takes_no_block_before_it_is_used) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.copy(""), "");
  EXPECT_EQ(pool.blocks_out(), 0u);
  EXPECT_EQ(arena.bytes_used(), 0u);
}

TEST(Arena, aligns_every_allocation) {
  BlockPool pool;
  Arena arena(pool);
  for (size_t align : {1, 2, 4, 8, 16, 64, 256}) {
    for (size_t bytes : {1, 3, 17, 4'000, 70'000}) {
      auto at = reinterpret_cast<uintptr_t>(arena.allocate(bytes, align));
      EXPECT_EQ(at % align, 0u) << align << " " << bytes;
      std::memset(reinterpret_cast<void*>(at), 0x5a, bytes);
    }
  }
}

TEST(Arena, allocations_never_overlap) {
  BlockPool pool;
  Arena arena(pool);
  Random random(3);
  std::vector<std::pair<std::string_view, std::string>> texts;
  for (int i = 0; i < 2'000; ++i) {
    std::string text(random.below(i % 50 == 0 ? 20'000 : 60), static_cast<char>('a' + i % 26));
    texts.emplace_back(arena.copy(text), text);
  }
  for (const auto& [view, text] : texts) ASSERT_EQ(view, text);
}

TEST(Arena, reset_gives_all_blocks_back_and_it_works_again) {
  BlockPool pool;
  Arena arena(pool);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) arena.text(1'000);
    EXPECT_GE(arena.bytes_used(), 100'000u);
    EXPECT_GT(pool.blocks_out(), 20u);
    arena.reset();
    EXPECT_EQ(pool.blocks_out(), 0u);
    EXPECT_EQ(arena.bytes_used(), 0u);
  }
}

TEST(Arena, lowers_and_joins) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.lower("API.Example.COM:80\xC3\x84"), "api.example.com:80\xC3\x84");
  EXPECT_EQ(arena.join("a", "bc"), "abc");
  EXPECT_EQ(arena.join("a", "", "d"), "ad");
}

TEST(Arena, joins_and_lowers_views_of_nothing) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.lower({}), "");
  EXPECT_EQ(arena.join({}, {}), "");
  EXPECT_EQ(arena.join({}, "b", {}), "b");
  EXPECT_EQ(arena.join("a", {}), "a");
}

TEST(Arena, shrink_returns_the_unused_end) {
  BlockPool pool;
  Arena arena(pool);
  char* text = arena.text(100);
  arena.shrink(text + 10);
  EXPECT_EQ(arena.bytes_used(), 10u);
  EXPECT_EQ(arena.text(1), text + 10);
  char elsewhere = 0;
  arena.shrink(&elsewhere);  // not of this arena: nothing happens
  EXPECT_EQ(arena.bytes_used(), 11u);
}

TEST(Arena, makes_objects_and_arrays) {
  struct Point {
    int x, y;
  };
  BlockPool pool;
  Arena arena(pool);
  Point* point = arena.make<Point>(Point{1, 2});
  uint64_t* numbers = arena.array<uint64_t>(3);
  numbers[0] = numbers[2] = 9;
  EXPECT_EQ(point->y, 2);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(numbers) % alignof(uint64_t), 0u);
}

}  // namespace
}  // namespace sluice
