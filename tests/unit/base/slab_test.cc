#include "base/slab.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "base/hash.h"

namespace sluice {
namespace {

struct Item {
  explicit Item(int number, int* deaths = nullptr) : value(number), counter(deaths) {}
  ~Item() {
    if (counter) ++*counter;
  }
  int value;
  int* counter;
  char rest[100] = {};
};

TEST(Slab, makes_and_destroys) {
  Slab<Item> slab;
  int deaths = 0;
  Item* item = slab.make(7, &deaths);
  EXPECT_EQ(item->value, 7);
  EXPECT_EQ(slab.live(), 1u);
  slab.destroy(item);
  EXPECT_EQ(deaths, 1);
  EXPECT_EQ(slab.live(), 0u);
}

TEST(Slab, objects_are_distinct_and_keep_their_values) {
  Slab<Item> slab;
  Random random(1);
  std::vector<Item*> live;
  int next = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (live.empty() || random.below(100) < 52) {
      live.push_back(slab.make(next++));
    } else {
      size_t at = random.below(live.size());
      slab.destroy(live[at]);
      live[at] = live.back();
      live.pop_back();
    }
    ASSERT_EQ(slab.live(), live.size());
  }
  std::set<int> values;
  for (Item* item : live) values.insert(item->value);
  EXPECT_EQ(values.size(), live.size());
  for (Item* item : live) slab.destroy(item);
}

TEST(Slab, visits_what_lives_and_nothing_else) {
  Slab<Item> slab;
  slab.each([](Item&) { ADD_FAILURE(); });
  std::vector<Item*> items;
  for (int i = 0; i < 500; ++i) items.push_back(slab.make(i));   // full pages and one that is not
  std::set<int> left;
  for (int i = 0; i < 500; ++i) {
    if (i % 3 == 0) slab.destroy(items[static_cast<size_t>(i)]);
    else left.insert(i);
  }
  std::multiset<int> seen;
  slab.each([&](Item& item) { seen.insert(item.value); });
  EXPECT_EQ(seen, std::multiset<int>(left.begin(), left.end()));
  for (int i : left) slab.destroy(items[static_cast<size_t>(i)]);
}

TEST(Slab, reuses_the_cell_freed_last) {
  Slab<Item> slab;
  Item* kept = slab.make(0);
  Item* item = slab.make(1);
  slab.destroy(item);
  EXPECT_EQ(slab.make(2), item);
  slab.destroy(item);
  slab.destroy(kept);
}

TEST(Slab, aligns_its_objects) {
  struct alignas(64) Line {
    char bytes[64];
  };
  Slab<Line> slab;
  std::vector<Line*> lines;
  for (int i = 0; i < 200; ++i) {
    lines.push_back(slab.make());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(lines.back()) % 64, 0u);
  }
  for (Line* line : lines) slab.destroy(line);
}

TEST(Slab, takes_objects_larger_than_a_small_page) {
  struct Large {
    std::array<char, 3'000> bytes;
  };
  Slab<Large> slab;
  std::vector<Large*> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(slab.make());
    all.back()->bytes.fill(static_cast<char>(i));
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(all[static_cast<size_t>(i)]->bytes[2'999], i);
  for (Large* large : all) slab.destroy(large);
}

TEST(Slab, pages_that_are_wholly_free_are_given_back) {
  Slab<Item> slab;
  constexpr size_t kCount = 3 * Slab<Item>::kSpareBytes / sizeof(Item);
  std::vector<Item*> items;
  for (size_t i = 0; i < kCount; ++i) items.push_back(slab.make(static_cast<int>(i)));
  EXPECT_GE(slab.pages(), kCount * sizeof(Item) / 4'096);
  // Every second one: no page is free, none is lost.
  for (size_t i = 0; i < items.size(); i += 2) slab.destroy(items[i]);
  for (size_t i = 1; i < items.size(); i += 2) ASSERT_EQ(items[i]->value, static_cast<int>(i));
  for (size_t i = 1; i < items.size(); i += 2) slab.destroy(items[i]);
  EXPECT_EQ(slab.pages(), Slab<Item>::kSpareBytes / 4'096);  // for the next ones
}

TEST(Slab, full_pages_come_back_into_use_in_any_order) {
  Slab<Item> slab;
  std::vector<Item*> items;
  for (int i = 0; i < 500; ++i) items.push_back(slab.make(i));
  size_t pages = slab.pages();
  for (int i = 0; i < 500; i += 7) slab.destroy(items[static_cast<size_t>(i)]);
  for (int i = 0; i < 500; i += 7) items[static_cast<size_t>(i)] = slab.make(i);
  EXPECT_EQ(slab.pages(), pages);
  for (size_t i = items.size(); i-- > 0;) slab.destroy(items[i]);
  EXPECT_EQ(slab.live(), 0u);
}

TEST(Slab, load_that_comes_and_goes_takes_no_new_page) {
  Slab<Item> slab;
  std::vector<Item*> items;
  for (int i = 0; i < 1'000; ++i) items.push_back(slab.make(i));
  size_t pages = slab.pages();
  for (int round = 0; round < 10; ++round) {
    while (items.size() > 10) {
      slab.destroy(items.back());
      items.pop_back();
    }
    EXPECT_EQ(slab.pages(), pages);
    while (items.size() < 1'000) items.push_back(slab.make(0));
    EXPECT_EQ(slab.pages(), pages);
  }
  for (Item* item : items) slab.destroy(item);
}

}  // namespace
}  // namespace sluice
