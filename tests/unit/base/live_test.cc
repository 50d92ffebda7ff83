#include "base/live.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/per_worker.h"

namespace sluice {
namespace {

TEST(Live, a_view_holds_its_value_until_it_is_asked_again) {
  Live<int> live(std::make_shared<const int>(1));
  LiveView<int> view;
  const int& seen = view.get(live);
  uint32_t generation = view.generation();
  live.replace(std::make_shared<const int>(2));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(view.get(live), 2);
  EXPECT_NE(view.generation(), generation);
}

TEST(Live, what_nobody_reads_any_more_is_given_back) {
  auto first = std::make_shared<const int>(1);
  Live<int> live(first);
  LiveView<int> view;
  view.get(live);
  EXPECT_EQ(first.use_count(), 3);
  live.replace(std::make_shared<const int>(2));
  EXPECT_EQ(first.use_count(), 2);
  view.get(live);
  EXPECT_EQ(first.use_count(), 1);
}

TEST(Live, who_sees_a_generation_gets_its_value_or_a_later_one) {
  Live<int> live(std::make_shared<const int>(1));   // the value is its generation
  std::thread reader([&] {
    LiveView<int> view;
    for (int last = 0; last < 2'000;) {
      int value = view.get(live);
      ASSERT_GE(value, static_cast<int>(view.generation()));
      ASSERT_GE(value, last);
      last = value;
    }
  });
  for (int i = 2; i <= 2'000; ++i) live.replace(std::make_shared<const int>(i));
  reader.join();
}

TEST(PerWorker, each_worker_has_its_own) {
  const PerWorker<int> counts;
  counts.of(0) = 5;
  EXPECT_EQ(counts.of(0), 5);
  EXPECT_EQ(counts.of(kWorkersMax - 1), 0);
}

}  // namespace
}  // namespace sluice
