#include "observe/process_usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <vector>

namespace sluice::observe {
namespace {

TEST(ProcessUsage, sees_memory_descriptors_and_age) {
  ProcessUsage before = read_process_usage();
  EXPECT_GT(before.resident_bytes, 1'000'000U);
  EXPECT_GT(before.virtual_bytes, before.resident_bytes);
  EXPECT_GE(before.threads, 1U);
  EXPECT_LT(before.threads, 1000U);
  EXPECT_GE(before.cpu_seconds, 0);
  EXPECT_GT(before.max_fds, 2U);
  EXPECT_NEAR(before.start_time_seconds, static_cast<double>(time(nullptr)), 3600);
  std::vector<int> fds;
  for (int i = 0; i < 10; ++i) fds.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_process_usage().open_fds, before.open_fds + 10);
  for (int fd : fds) close(fd);
}

}  // namespace
}  // namespace sluice::observe
