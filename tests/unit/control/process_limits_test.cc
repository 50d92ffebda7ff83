#include "control/process_limits.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <climits>

namespace sluice::control {
namespace {

TEST(DescriptorReserve, leaves_some_to_others_and_most_to_clients) {
  struct { uint64_t max; int scarce; int end; } cases[] = {
      {64, 56, 60}, {160, 140, 150}, {1024, 896, 960}, {2048, 1792, 1920}, {524'288, 524'032, 524'160}};
  for (const auto& one : cases) {
    DescriptorReserve reserve = descriptor_reserve(one.max);
    EXPECT_EQ(reserve.scarce, one.scarce) << one.max;
    EXPECT_EQ(reserve.end, one.end) << one.max;
  }
  EXPECT_EQ(descriptor_reserve(UINT64_MAX).scarce, INT_MAX);   // RLIM_INFINITY
  EXPECT_GT(descriptor_reserve().scarce, 0);
}

TEST(KeptConnections, are_a_sixteenth_of_the_descriptors_at_most) {
  EXPECT_EQ(kept_connections_max(1, 1u << 20), 64u);
  EXPECT_EQ(kept_connections_max(16, 1u << 20), 64u);
  EXPECT_EQ(kept_connections_max(2, 1024), 32u);
  EXPECT_EQ(kept_connections_max(16, 1024), 4u);
  EXPECT_EQ(kept_connections_max(16, 64), 0u);
  EXPECT_LE(kept_connections_max(1), 64u);
}

TEST(UsableMemory, is_something_and_not_more_than_the_machine_has) {
  uint64_t machine = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_GT(usable_memory(), uint64_t{1} << 20);
  EXPECT_LE(usable_memory(), machine);
}

}  // namespace
}  // namespace sluice::control
