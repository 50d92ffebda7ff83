#include "base/shared_memory.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/chain.h"
#include "base/slab.h"

namespace sluice {
namespace {

constexpr size_t kMiB = 1 << 20;

TEST(SharedMemory, is_full_at_the_limit_and_until_a_tenth_is_free) {
  SharedMemory memory;
  memory.add(static_cast<int64_t>(10 * kMiB));
  EXPECT_FALSE(memory.full());   // no limit yet
  memory.set_limit(10 * kMiB);
  EXPECT_TRUE(memory.full());
  memory.add(-static_cast<int64_t>(kMiB / 2));
  EXPECT_TRUE(memory.full());
  memory.add(-static_cast<int64_t>(kMiB / 2));
  EXPECT_FALSE(memory.full());
  memory.add(static_cast<int64_t>(kMiB / 2));
  EXPECT_FALSE(memory.full());
  memory.set_limit(9 * kMiB);    // a reload
  EXPECT_TRUE(memory.full());
}

TEST(SharedMemory, a_share_reports_in_batches_and_all_of_it_at_its_end) {
  SharedMemory memory;
  {
    MemoryShare share(memory);
    share.take(1000);
    EXPECT_EQ(memory.used(), 0u);
    share.take(MemoryShare::kBatch);
    EXPECT_EQ(memory.used(), 1000u + MemoryShare::kBatch);
    share.give(MemoryShare::kBatch);
    EXPECT_EQ(memory.used(), 1000u);
    share.give(10);
    EXPECT_EQ(memory.used(), 1000u);
    share.give(990);
  }
  EXPECT_EQ(memory.used(), 0u);
}

TEST(SharedMemory, counts_blocks_and_slab_pages_exactly) {
  SharedMemory memory;
  MemoryShare share(memory);
  {
    BlockPool pool;
    Slab<std::array<char, 1000>> slab;
    pool.count_in(share);
    slab.count_in(&share);
    std::vector<BlockRef> blocks;
    std::vector<std::array<char, 1000>*> objects;
    for (int i = 0; i < 64; ++i) blocks.push_back(pool.take(BlockPool::kRead));
    for (int i = 0; i < 4'000; ++i) objects.push_back(slab.make());
    EXPECT_NEAR(static_cast<double>(memory.used()), 8.2 * kMiB, 0.5 * kMiB);
    for (auto* object : objects) slab.destroy(object);
  }
  EXPECT_LT(memory.used(), size_t{MemoryShare::kBatch});
}

TEST(SharedMemory, a_pool_keeps_no_reserve_while_it_is_full) {
  SharedMemory memory;
  MemoryShare share(memory);
  BlockPool pool;
  pool.count_in(share);
  memory.set_limit(kMiB);
  {
    std::vector<BlockRef> blocks;
    for (int i = 0; i < 64; ++i) blocks.push_back(pool.take(BlockPool::kRead));
    EXPECT_TRUE(pool.short_of_memory());
  }
  EXPECT_FALSE(pool.short_of_memory());
  EXPECT_LT(pool.bytes_held(), kMiB);
}

TEST(SharedMemory, sums_what_many_threads_take_and_give) {
  SharedMemory memory;
  memory.set_limit(4 * kMiB);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      MemoryShare share(memory);
      for (int round = 0; round < 20'000; ++round) {
        share.take(100'000);
        (void)share.full();
        share.give(100'000);
      }
      share.take(5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  memory.judge();
  EXPECT_EQ(memory.used(), 20u);
  EXPECT_FALSE(memory.full());
}

}  // namespace
}  // namespace sluice
