#include "policy/signature/shared_nonces.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/hash.h"

namespace sluice::policy {
namespace {

using Answer = SharedNonces::Answer;

WallTime at(int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

ReplayId id_of(uint64_t number) {
  Random random(number);
  ReplayId id;
  for (size_t i = 0; i < id.size(); i += 8) {
    uint64_t word = random.next();
    std::memcpy(id.data() + i, &word, 8);
  }
  return id;
}

TEST(SharedNonces, let_each_pass_once) {
  SharedNonces nonces;
  for (uint64_t i = 0; i < 20'000; ++i) ASSERT_EQ(nonces.take(id_of(i), at(300), at(0)), Answer::fresh);
  EXPECT_EQ(nonces.size(), 20'000u);
  for (uint64_t i = 0; i < 20'000; ++i) ASSERT_EQ(nonces.take(id_of(i), at(300), at(299)), Answer::used);
}

TEST(SharedNonces, forget_what_would_be_refused_anyway) {
  SharedNonces nonces;
  EXPECT_EQ(nonces.take(id_of(1), at(10), at(0)), Answer::fresh);
  EXPECT_EQ(nonces.take(id_of(1), at(10), at(10)), Answer::used);   // past itself: never again
  EXPECT_EQ(nonces.take(id_of(1), at(20), at(10)), Answer::fresh);   // the nonce, in a new request
  EXPECT_EQ(nonces.take(id_of(1), at(20), at(19)), Answer::used);
  for (uint64_t i = 0; i < 200'000; ++i) {
    auto now = static_cast<int64_t>(i / 100);
    ASSERT_EQ(nonces.take(id_of(i + 10), at(now + 10), at(now)), Answer::fresh);
  }
  EXPECT_LT(nonces.size(), 20'000u);   // 1,000 are good at a time
}

TEST(SharedNonces, refuse_when_full_and_forget_nothing) {
  SharedNonces nonces(6400);   // a hundred in each shard
  size_t taken = 0;
  uint64_t number = 0;
  for (; number < 100'000; ++number) {
    Answer answer = nonces.take(id_of(number), at(300), at(0));
    ASSERT_NE(answer, Answer::used);
    if (answer == Answer::fresh) ++taken;
  }
  EXPECT_EQ(taken, 6400u);
  EXPECT_EQ(nonces.size(), 6400u);
  size_t used = 0;
  for (uint64_t i = 0; i < 100'000; ++i) used += nonces.take(id_of(i), at(300), at(1)) == Answer::used;
  EXPECT_EQ(used, 6400u);
  EXPECT_EQ(nonces.take(id_of(number), at(600), at(300)), Answer::fresh);   // room again
}

TEST(SharedNonces, are_looked_through_once_a_second_when_full) {
  SharedNonces nonces(64);   // one in each shard
  ReplayId first = id_of(1), second = id_of(2);
  second[0] = first[0];   // the same shard
  EXPECT_EQ(nonces.take(first, at(100), at(100) - std::chrono::milliseconds(500)), Answer::fresh);
  EXPECT_EQ(nonces.take(second, at(300), at(100)), Answer::full);   // looked when the first came
  EXPECT_EQ(nonces.take(second, at(300), at(101)), Answer::fresh);
}

TEST(SharedNonces, of_two_threads_one_wins) {
  constexpr uint64_t kIds = 20'000;
  constexpr int kThreads = 4;
  SharedNonces nonces;
  std::atomic<uint64_t> fresh{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      uint64_t own = 0;
      for (uint64_t number = 0; number < kIds; ++number)
        own += nonces.take(id_of(number), at(300), at(0)) == Answer::fresh;
      fresh += own;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fresh, kIds);
}

}  // namespace
}  // namespace sluice::policy
