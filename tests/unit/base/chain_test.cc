#include "base/chain.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/hash.h"

namespace sluice {
namespace {

Chain chain_of(BlockPool& pool, std::string_view text) {
  Chain chain;
  chain.append_copy(pool, text);
  return chain;
}

// One block per part, so that the chain really has that many slices.
Chain chain_of_blocks(BlockPool& pool, const std::vector<std::string>& parts) {
  Chain chain;
  for (const std::string& part : parts) {
    BlockRef block = pool.take(part.size());
    std::memcpy(block->data(), part.data(), part.size());
    chain.append(Slice{block.get(), block->data(), part.size()});
  }
  return chain;
}

size_t slices(const Chain& chain) {
  size_t count = 0;
  chain.each([&](const Slice&) { ++count; });
  return count;
}

TEST(Chain, is_empty_at_first) {
  Chain chain;
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.size(), 0u);
  EXPECT_EQ(chain.front(), "");
  EXPECT_EQ(chain.front_slice().block, nullptr);
  EXPECT_EQ(chain.to_string(), "");
  chain.drop_front(0);
  EXPECT_TRUE(chain.split(0).empty());
}

TEST(Chain, joins_slices_that_touch) {
  BlockPool pool;
  BlockRef block = pool.take(8);
  std::memcpy(block->data(), "abcdefgh", 8);
  Chain chain;
  chain.append(Slice{block.get(), block->data(), 3});
  chain.append(Slice{block.get(), block->data() + 3, 2});
  EXPECT_EQ(slices(chain), 1u);
  chain.append(Slice{block.get(), block->data() + 6, 2});
  EXPECT_EQ(slices(chain), 2u);
  chain.append(Slice{block.get(), block->data(), 0});
  EXPECT_EQ(slices(chain), 2u);
  EXPECT_EQ(chain.to_string(), "abcdegh");
  EXPECT_EQ(chain.size(), 7u);
}

TEST(Chain, joins_chains_that_touch) {
  BlockPool pool;
  Chain head, body, other;
  head.append_copy(pool, "head ");
  body.append_copy(pool, "body");   // the scratch block goes on where the head ended
  head.append(std::move(body));
  EXPECT_EQ(head.front(), "head body");
  EXPECT_EQ(head.size(), 9u);
  EXPECT_TRUE(body.empty());
  BlockRef apart = pool.take(4);
  std::memcpy(apart->data(), "tail", 4);
  other.append(Slice{apart.get(), apart->data(), 4});
  head.append(std::move(other));
  EXPECT_EQ(head.front(), "head body");
  EXPECT_EQ(head.to_string(), "head bodytail");
}

TEST(Chain, splits_at_every_offset) {
  BlockPool pool;
  const std::string all = "oneTWOthreeFOUR";
  for (size_t at = 0; at <= all.size() + 1; ++at) {
    Chain rest = chain_of_blocks(pool, {"one", "TWO", "three", "FOUR"});
    Chain first = rest.split(at);
    EXPECT_EQ(first.to_string(), all.substr(0, at)) << at;
    EXPECT_EQ(rest.to_string(), at < all.size() ? all.substr(at) : "") << at;
    EXPECT_EQ(first.size() + rest.size(), all.size());
    // Both are whole chains: what is appended lands at their ends.
    first.append(chain_of(pool, "!"));
    rest.append(chain_of(pool, "?"));
    EXPECT_EQ(first.to_string(), all.substr(0, at) + "!");
    EXPECT_EQ(rest.to_string().back(), '?');
  }
}

TEST(Chain, drops_at_every_offset) {
  BlockPool pool;
  const std::string all = "oneTWOthree";
  for (size_t at = 0; at <= all.size(); ++at) {
    Chain chain = chain_of_blocks(pool, {"one", "TWO", "three"});
    chain.drop_front(at);
    EXPECT_EQ(chain.to_string(), all.substr(at));
    EXPECT_EQ(chain.size(), all.size() - at);
    chain.append(chain_of_blocks(pool, {"+", "-"}));
    EXPECT_EQ(chain.to_string(), all.substr(at) + "+-");
  }
}

TEST(Chain, prepends_and_leaves_the_other_empty) {
  BlockPool pool;
  Chain chain = chain_of(pool, "body"), head = chain_of_blocks(pool, {"he", "ad "});
  chain.prepend(std::move(head));
  EXPECT_EQ(chain.to_string(), "head body");
  EXPECT_EQ(chain.size(), 9u);
  EXPECT_TRUE(head.empty());  // NOLINT: moved from, and empty by contract
  chain.prepend(Chain());
  EXPECT_EQ(chain.to_string(), "head body");
  Chain none;
  none.prepend(std::move(chain));
  none.append(chain_of(pool, "."));
  EXPECT_EQ(none.to_string(), "head body.");
}

TEST(Chain, moves_replace_what_was_there) {
  BlockPool pool;
  {
    Chain chain = chain_of_blocks(pool, {"old", "er"});
    chain = chain_of_blocks(pool, {"new"});
    EXPECT_EQ(chain.to_string(), "new");
    Chain& same = chain;
    chain = std::move(same);
    EXPECT_EQ(chain.to_string(), "new");
    EXPECT_EQ(pool.blocks_out(), 1u);
  }
  EXPECT_EQ(pool.blocks_out(), 0u);
}

TEST(Chain, shares_blocks_without_copying) {
  BlockPool pool;
  Chain chain = chain_of_blocks(pool, {"one", "two"});
  Chain copy = chain.share();
  EXPECT_EQ(pool.blocks_out(), 2u);
  EXPECT_EQ(copy.front_slice().data, chain.front_slice().data);
  EXPECT_EQ(copy.front_slice().block->refs(), 2u);
  chain.drop_front(4);
  EXPECT_EQ(copy.to_string(), "onetwo");
  chain.clear();
  EXPECT_EQ(copy.to_string(), "onetwo");
  EXPECT_EQ(copy.front_slice().block->refs(), 1u);
  copy.clear();
  EXPECT_EQ(pool.blocks_out(), 0u);
}

TEST(Chain, a_block_lives_as_long_as_one_slice_of_it) {
  BlockPool pool;
  Chain chain = chain_of_blocks(pool, {"abcdef"});
  Chain first = chain.split(3);
  EXPECT_EQ(pool.blocks_out(), 1u);
  first.clear();
  EXPECT_EQ(pool.blocks_out(), 1u);
  EXPECT_EQ(chain.to_string(), "def");
  chain.drop_front(3);
  EXPECT_EQ(pool.blocks_out(), 0u);
}

TEST(Chain, gathers_at_most_what_is_asked) {
  BlockPool pool;
  Chain chain = chain_of_blocks(pool, {"a", "bc", "def"});
  iovec out[4];
  EXPECT_EQ(chain.gather(out, 0), 0u);
  EXPECT_EQ(chain.gather(out, 2), 2u);
  EXPECT_EQ(chain.gather(out, 4), 3u);
  EXPECT_EQ(std::string_view(static_cast<char*>(out[2].iov_base), out[2].iov_len), "def");
}

TEST(Chain, copies_texts_of_any_size) {
  BlockPool pool;
  for (size_t size : {size_t{1}, BlockPool::kSmall, BlockPool::kSmall + 1, BlockPool::kMedium,
                      BlockPool::kRead, BlockPool::kRead + 1, 3 * BlockPool::kRead + 7}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    Chain chain = chain_of(pool, text);
    EXPECT_EQ(chain.size(), size);
    EXPECT_EQ(chain.to_string(), text) << size;
  }
}

// The same random operations on chains and on strings.
TEST(Chain, does_what_strings_do) {
  Random random(7);
  BlockPool pool;
  {
    std::vector<Chain> chains(4);
    std::vector<std::string> texts(4);
    for (int step = 0; step < 20'000; ++step) {
      size_t a = random.below(4), b = (a + 1 + random.below(3)) % 4;
      switch (random.below(7)) {
        case 0: {
          std::string text(random.below(40), static_cast<char>('a' + random.below(26)));
          chains[a].append_copy(pool, text);
          texts[a] += text;
          break;
        }
        case 1: {
          std::string text(1 + random.below(9), static_cast<char>('A' + random.below(26)));
          chains[a].append(chain_of_blocks(pool, {text, text}));
          texts[a] += text + text;
          break;
        }
        case 2: {
          size_t bytes = random.below(texts[a].size() + 1);
          chains[a].drop_front(bytes);
          texts[a].erase(0, bytes);
          break;
        }
        case 3: {
          size_t bytes = random.below(texts[a].size() + 1);
          chains[b] = chains[a].split(bytes);
          texts[b] = texts[a].substr(0, bytes);
          texts[a].erase(0, bytes);
          break;
        }
        case 4:
          chains[a].prepend(std::move(chains[b]));
          texts[a] = texts[b] + texts[a];
          texts[b].clear();
          break;
        case 5:
          chains[a].append(chains[b].share());
          texts[a] += texts[b];
          break;
        case 6:
          if (texts[a].size() > 5'000) {
            chains[a].clear();
            texts[a].clear();
          }
          break;
      }
      ASSERT_EQ(chains[a].size(), texts[a].size()) << step;
      if (step % 16 == 0) {
        ASSERT_EQ(chains[a].to_string(), texts[a]) << step;
        ASSERT_EQ(chains[b].to_string(), texts[b]) << step;
      }
    }
  }
  EXPECT_LE(pool.blocks_out(), 1u);  // the scratch block
}

TEST(BlockPool, gives_the_next_of_its_sizes) {
  BlockPool pool;
  struct {
    size_t asked, got;
  } cases[] = {
      {0, BlockPool::kSmall},
      {BlockPool::kSmall, BlockPool::kSmall},
      {BlockPool::kSmall + 1, BlockPool::kMedium},
      {BlockPool::kMedium + 1, BlockPool::kRead},
      {BlockPool::kRead + 1, BlockPool::kBulk},
      {BlockPool::kBulk + 1, BlockPool::kBulk + 1},
  };
  for (auto [asked, got] : cases) EXPECT_EQ(pool.take(asked)->capacity(), got) << asked;
  EXPECT_EQ(pool.blocks_out(), 0u);
}

TEST(BlockPool, reuses_blocks_and_keeps_a_reserve) {
  BlockPool pool;
  Block* first = pool.take(10).get();
  EXPECT_EQ(pool.take(20).get(), first);
  {
    std::vector<BlockRef> held;
    for (int i = 0; i < 20; ++i) held.push_back(pool.take(BlockPool::kRead));
    EXPECT_EQ(pool.blocks_out(), 20u);
    EXPECT_EQ(pool.bytes_held(), 20u * 65'536 + 4'096);
  }
  EXPECT_EQ(pool.blocks_out(), 0u);
  EXPECT_EQ(pool.bytes_held(), 8u * 65'536 + 4'096);  // eight read buffers are the reserve
  pool.trim();
  EXPECT_EQ(pool.bytes_held(), 0u);
  EXPECT_EQ(pool.take(BlockPool::kRead)->capacity(), BlockPool::kRead);
}

TEST(BlockPool, blocks_of_odd_sizes_are_not_kept) {
  BlockPool pool;
  {
    BlockRef block = pool.take(1 << 20);
    EXPECT_GT(pool.bytes_held(), size_t{1} << 20);
  }
  EXPECT_EQ(pool.bytes_held(), 0u);
}

TEST(BlockPool, the_reserve_is_bounded_for_every_size) {
  BlockPool pool;
  for (size_t size : {BlockPool::kSmall, BlockPool::kMedium, BlockPool::kRead, BlockPool::kBulk}) {
    std::vector<BlockRef> held;
    for (int i = 0; i < 1100; ++i) held.push_back(pool.take(size));
  }
  EXPECT_EQ(pool.bytes_held(), 1024u * 4'096 + 16 * 16'384 + 8 * 65'536 + 2 * 262'144);
}

TEST(BlockPool, scratch_starts_over_when_all_is_written) {
  BlockPool pool;
  Chain chain;
  Slice one = pool.scratch(100);
  chain.append(one);
  Slice two = pool.scratch(100);
  chain.append(two);
  EXPECT_EQ(two.data, one.data + 100);
  EXPECT_EQ(slices(chain), 1u);
  chain.clear();
  EXPECT_EQ(pool.scratch(100).data, one.data);
}

TEST(BlockPool, scratch_takes_a_fresh_block_while_the_old_one_is_held) {
  BlockPool pool;
  {
    Chain chain;
    std::string text;
    for (int i = 0; i < 40; ++i) {
      std::string part(1'000, static_cast<char>('a' + i % 26));
      chain.append_copy(pool, part);
      text += part;
    }
    EXPECT_GE(pool.blocks_out(), 3u);
    EXPECT_EQ(chain.to_string(), text);
  }
  EXPECT_EQ(pool.blocks_out(), 1u);
  Chain whole;
  whole.append(pool.scratch(BlockPool::kMedium));
  EXPECT_EQ(whole.size(), BlockPool::kMedium);
}

TEST(BlockRef, counts_its_holders) {
  BlockPool pool;
  BlockRef a = pool.take(1);
  EXPECT_EQ(a->refs(), 1u);
  BlockRef b = a;
  EXPECT_EQ(a->refs(), 2u);
  BlockRef& same = b;
  b = same;
  EXPECT_EQ(a->refs(), 2u);
  Block* raw = b.release();
  EXPECT_FALSE(b);
  EXPECT_EQ(a->refs(), 2u);
  a.reset();
  BlockRef::adopt(raw).reset();
  EXPECT_EQ(pool.blocks_out(), 0u);
}

}  // namespace
}  // namespace sluice
