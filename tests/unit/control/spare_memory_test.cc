#include "control/spare_memory.h"

#include <gtest/gtest.h>

namespace sluice::control {
namespace {

constexpr uint64_t kMegabyte = 1024 * 1024;

TEST(SpareMemory, is_given_back_when_much_was_freed_and_it_is_quiet) {
  SpareMemory memory;
  TimePoint now{std::chrono::hours(1)};
  auto look = [&](uint64_t megabytes) {
    now += std::chrono::seconds(1);
    return memory.look(megabytes * kMegabyte, now);
  };
  EXPECT_FALSE(look(1));
  EXPECT_FALSE(look(100));
  EXPECT_FALSE(look(80));   // a fifth is not much
  EXPECT_FALSE(look(80));
  EXPECT_FALSE(look(40));   // more may follow
  EXPECT_FALSE(look(10));
  EXPECT_TRUE(look(10));
  EXPECT_FALSE(look(10));   // once
  EXPECT_FALSE(look(50));
  EXPECT_FALSE(look(10));
  EXPECT_FALSE(look(10));   // not again so soon
  now += SpareMemory::kNoSoonerThan;
  EXPECT_TRUE(look(10));
  now += SpareMemory::kNoSoonerThan;
  EXPECT_FALSE(look(13));
  EXPECT_FALSE(look(10));
  EXPECT_FALSE(look(10));   // little
}

}  // namespace
}  // namespace sluice::control
