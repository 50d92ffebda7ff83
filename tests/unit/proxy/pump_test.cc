#include "proxy/pump.h"

#include "fakes/stream.h"
#include "http/codec.h"

namespace sluice::proxy {
namespace {

using fakes::FakeStream;
using State = Pump::State;

struct Bench {
  Bench() {
    Arena arena(blocks);
    http::Head head(arena);
    to.send_head(head, http::End::no);
    pump.start(&from, to, nullptr);
  }
  void push(std::string_view bytes) {
    Chain chain;
    chain.append_copy(blocks, bytes);
    pump.push(std::move(chain));
  }
  State run() { return pump.run(blocks); }
  BlockPool blocks;
  FakeStream from;
  FakeStream to;
  Pump pump;
};

TEST(Pump, the_last_bytes_carry_the_end) {
  Bench bench;
  bench.push("abc");
  bench.pump.end();
  EXPECT_EQ(bench.run(), State::done);
  EXPECT_EQ(bench.to.body, "abc");
  EXPECT_TRUE(bench.to.ended);
  EXPECT_EQ(bench.run(), State::done);  // idempotent
}

TEST(Pump, an_end_that_comes_alone_is_passed_on_without_credit) {
  Bench bench;
  bench.push("abc");
  EXPECT_EQ(bench.run(), State::open);
  bench.to.set_credit(0);
  bench.pump.end();
  EXPECT_EQ(bench.run(), State::done);
  EXPECT_TRUE(bench.to.ended);
}

TEST(Pump, credit_is_never_exceeded_and_nothing_is_consumed_without_it) {
  Bench bench;
  bench.to.set_credit(0);
  bench.push("abcdef");
  bench.pump.end();
  EXPECT_EQ(bench.run(), State::open);
  EXPECT_EQ(bench.from.consumed, 0U);
  bench.to.set_credit(4);
  EXPECT_EQ(bench.run(), State::open);
  EXPECT_EQ(bench.to.body, "abcd");
  EXPECT_EQ(bench.from.consumed, 4U);
  EXPECT_FALSE(bench.to.ended);
  bench.to.set_credit(4);
  EXPECT_EQ(bench.run(), State::done);
  EXPECT_EQ(bench.to.body, "abcdef");
}

TEST(Pump, trailers_end_the_message) {
  Bench bench;
  Arena arena(bench.blocks);
  http::Fields trailers(arena);
  trailers.add("X-Sum", "1");
  bench.push("abc");
  bench.pump.trailers(trailers);
  bench.pump.end();
  EXPECT_FALSE(bench.pump.empty_message());
  EXPECT_EQ(bench.run(), State::done);
  EXPECT_EQ(bench.to.body, "abc");
  EXPECT_EQ(bench.to.trailers.size(), 1U);
}

TEST(Pump, without_a_receiver_bytes_are_dropped_so_that_the_sender_can_end) {
  Bench bench;
  bench.to.set_credit(0);
  bench.push("abc");
  bench.run();
  bench.pump.discard();
  EXPECT_EQ(bench.run(), State::open);
  EXPECT_EQ(bench.from.consumed, 3U);
  bench.push("def");
  bench.pump.end();
  EXPECT_EQ(bench.run(), State::done);
  EXPECT_EQ(bench.from.consumed, 6U);
  EXPECT_EQ(bench.to.body, "");
}

TEST(Pump, a_receiver_that_is_gone_is_not_touched_before_another_comes) {
  Bench bench;
  bench.pump.keep_replay();
  bench.push("abc");
  bench.run();
  bench.to.vanish();
  bench.pump.forget_receiver();
  bench.push("def");
  EXPECT_EQ(bench.run(), State::open);
  EXPECT_EQ(bench.from.consumed, 3U);
  ASSERT_TRUE(bench.pump.replayable());
  bench.pump.rewind();
  FakeStream second;
  Arena arena(bench.blocks);
  http::Head head(arena);
  second.send_head(head, http::End::no);
  bench.pump.start(&bench.from, second, nullptr);
  bench.pump.end();
  EXPECT_EQ(bench.run(), State::done);
  EXPECT_EQ(second.body, "abcdef");
  EXPECT_EQ(bench.from.consumed, 6U);
}

TEST(Pump, keeps_at_most_64_KiB_for_a_second_try) {
  Bench bench;
  bench.pump.keep_replay();
  bench.push(std::string(http::kHeldBytesMax, 'x'));
  bench.run();
  EXPECT_TRUE(bench.pump.replayable());
  bench.push("x");
  bench.run();
  EXPECT_FALSE(bench.pump.replayable());
}

TEST(Pump, gives_every_block_back) {
  Bench bench;
  bench.blocks.scratch(1);  // the pool's own block, which stays
  size_t before = bench.blocks.blocks_out();
  bench.to.set_credit(1);
  bench.pump.keep_replay();
  bench.push(std::string(50'000, 'x'));
  bench.run();
  EXPECT_GT(bench.blocks.blocks_out(), before);
  bench.pump.clear();
  EXPECT_EQ(bench.blocks.blocks_out(), before);
}

}  // namespace
}  // namespace sluice::proxy
