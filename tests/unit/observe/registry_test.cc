#include "observe/registry.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::observe {
namespace {

TEST(Registry, a_name_keeps_its_id_across_a_rebuild) {
  Registry registry(1);
  uint32_t shop = registry.acquire(Table::route, "shop");
  uint32_t api = registry.acquire(Table::route, "api");
  EXPECT_NE(shop, api);
  registry.shard(0).route(shop).request_bytes.add(7);
  // The new snapshot takes its names before the old one gives back.
  EXPECT_EQ(registry.acquire(Table::route, "shop"), shop);
  registry.release(Table::route, shop);
  registry.release(Table::route, api);
  EXPECT_EQ(registry.shard(0).route(shop).request_bytes.value(), 7U);
  EXPECT_EQ(registry.names(Table::route).size(), 3U);  // other, -, shop
}

TEST(Registry, the_last_release_frees_the_id_and_its_counts) {
  Registry registry(2);
  uint32_t gone = registry.acquire(Table::upstream, "gone");
  registry.shard(0).upstream(gone).retries.add(3);
  registry.shard(1).upstream(gone).retries.add(4);
  registry.release(Table::upstream, gone);
  EXPECT_EQ(registry.shard(0).upstreams().find(gone), nullptr);
  EXPECT_EQ(registry.shard(1).upstreams().find(gone), nullptr);
  uint32_t next = registry.acquire(Table::upstream, "next");
  EXPECT_EQ(next, gone);  // used again, from zero
  EXPECT_EQ(registry.shard(0).upstream(next).retries.value(), 0U);
}

TEST(Registry, over_the_cap_names_share_other_and_are_counted) {
  Registry registry(1, 3);
  EXPECT_NE(registry.acquire(Table::route, "a"), kOther);
  EXPECT_NE(registry.acquire(Table::route, "b"), kOther);
  EXPECT_EQ(registry.acquire(Table::route, "c"), kOther);  // "-" took a place too
  EXPECT_EQ(registry.acquire(Table::route, "d"), kOther);
  EXPECT_EQ(registry.names(Table::route).dropped(), 2U);
  EXPECT_NE(registry.acquire(Table::route, "a"), kOther);
  registry.release(Table::route, kOther);
  EXPECT_EQ(registry.acquire(Table::route, "other"), kOther);  // no second series of that name
  EXPECT_EQ(registry.names(Table::route).dropped(), 2U);
}

TEST(Registry, endpoints_are_told_apart_by_upstream_and_address) {
  Registry registry(1);
  uint32_t a = registry.acquire_endpoint("orders", "10.0.0.1:80");
  uint32_t b = registry.acquire_endpoint("orders", "10.0.0.2:80");
  uint32_t c = registry.acquire_endpoint("stock", "10.0.0.1:80");
  EXPECT_EQ(registry.acquire_endpoint("orders", "10.0.0.1:80"), a);
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  // A name cannot be made to look like two labels.
  EXPECT_NE(registry.acquire_endpoint("x\",endpoint=\"y", "z"),
            registry.acquire_endpoint("x", "y"));
}

TEST(Registry, ids_reach_past_a_page_of_blocks) {
  Registry registry(1);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 1000; ++i)
    ids.push_back(registry.acquire(Table::listener, std::to_string(i)));
  for (uint32_t id : ids) registry.shard(0).listener(id).accepted.add(id);
  for (uint32_t id : ids) EXPECT_EQ(registry.shard(0).listener(id).accepted.value(), id);
}

}  // namespace
}  // namespace sluice::observe
