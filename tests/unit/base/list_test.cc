#include "base/list.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

struct ByAge;
struct ByName;
struct Item : ListHook<ByAge>, ListHook<ByName> {
  explicit Item(char letter) : name(letter) {}
  char name;
};
using Ages = List<Item, ByAge>;
using Names = List<Item, ByName>;

template <class Items>
std::string text(Items& items) {
  std::string out;
  items.each([&](Item& item) { out += item.name; });
  return out;
}

TEST(List, keeps_order_at_both_ends) {
  Item a('a'), b('b'), c('c'), d('d');
  Ages list;
  EXPECT_TRUE(list.empty());
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  list.push_back(d);
  EXPECT_EQ(text(list), "abcd");
  EXPECT_EQ(&list.pop_back(), &d);
  EXPECT_EQ(&list.pop_front(), &a);
  EXPECT_EQ(&list.front(), &b);
  EXPECT_EQ(&list.back(), &c);
}

TEST(List, an_item_is_in_one_list_per_hook) {
  Item a('a'), b('b');
  Ages ages;
  Names names;
  ages.push_back(a);
  ages.push_back(b);
  names.push_back(b);
  names.push_back(a);
  static_cast<ListHook<ByAge>&>(a).unlink();
  EXPECT_EQ(text(ages), "b");
  EXPECT_EQ(text(names), "ba");
  EXPECT_FALSE(static_cast<ListHook<ByAge>&>(a).linked());
  EXPECT_TRUE(static_cast<ListHook<ByName>&>(a).linked());
  static_cast<ListHook<ByAge>&>(a).unlink();  // twice is harmless
}

TEST(List, an_item_leaves_when_it_dies) {
  Ages list;
  Item a('a'), c('c');
  list.push_back(a);
  {
    Item b('b');
    list.push_back(b);
    list.push_back(c);
    EXPECT_EQ(text(list), "abc");
  }
  EXPECT_EQ(text(list), "ac");
}

TEST(List, items_outlive_their_list) {
  Item a('a');
  {
    Ages list;
    list.push_back(a);
  }
  EXPECT_FALSE(static_cast<ListHook<ByAge>&>(a).linked());
  Ages other;
  other.push_back(a);
  EXPECT_EQ(text(other), "a");
}

TEST(List, each_allows_the_visited_item_to_leave) {
  Item items[] = {Item('a'), Item('b'), Item('c'), Item('d')};
  Ages list;
  for (Item& item : items) list.push_back(item);
  list.each([](Item& item) {
    if (item.name == 'b' || item.name == 'd') static_cast<ListHook<ByAge>&>(item).unlink();
  });
  EXPECT_EQ(text(list), "ac");
}

TEST(List, splices_whole_lists) {
  Item a('a'), b('b'), c('c');
  Ages list, other;
  list.push_back(a);
  other.push_back(b);
  other.push_back(c);
  list.splice_back(other);
  EXPECT_EQ(text(list), "abc");
  EXPECT_TRUE(other.empty());
}

}  // namespace
}  // namespace sluice
