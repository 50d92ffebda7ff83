#include "control/cgroup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace sluice::control {
namespace {

class CgroupsTest : public testing::Test {
 protected:
  CgroupsTest() {
    char name[] = "/tmp/cgroups-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~CgroupsTest() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    std::filesystem::path whole = root_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  std::string root_;
};

TEST_F(CgroupsTest, nothing_is_limited_where_there_are_none) {
  EXPECT_TRUE(std::isinf(Cgroups(root_).cores()));
  EXPECT_EQ(Cgroups(root_).memory(), UINT64_MAX);
}

TEST_F(CgroupsTest, the_quota_of_the_service_itself_counts) {
  put("/proc/self/cgroup", "0::/system.slice/sluice.service\n");
  put("/sys/fs/cgroup/system.slice/sluice.service/cpu.max", "150000 100000\n");
  put("/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(Cgroups(root_).cores(), 1.5);
}

TEST_F(CgroupsTest, the_least_of_all_levels_counts) {
  put("/proc/self/cgroup", "0::/system.slice/sluice.service\n");
  put("/sys/fs/cgroup/system.slice/sluice.service/cpu.max", "400000 100000\n");
  put("/sys/fs/cgroup/system.slice/sluice.service/memory.max", "2000000\n");
  put("/sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n");
  put("/sys/fs/cgroup/system.slice/memory.max", "1000000\n");
  EXPECT_DOUBLE_EQ(Cgroups(root_).cores(), 2);
  EXPECT_EQ(Cgroups(root_).memory(), 1'000'000U);
}

TEST_F(CgroupsTest, within_a_container_its_group_is_the_root) {
  put("/proc/self/cgroup", "0::/\n");
  put("/sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_DOUBLE_EQ(Cgroups(root_).cores(), 3);
}

TEST_F(CgroupsTest, version_1_is_read_too) {
  put("/proc/self/cgroup", "4:cpu,cpuacct:/web\n5:memory:/web\n");
  put("/sys/fs/cgroup/cpu/web/cpu.cfs_quota_us", "250000\n");
  put("/sys/fs/cgroup/cpu/web/cpu.cfs_period_us", "100000\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  put("/sys/fs/cgroup/memory/web/memory.limit_in_bytes", "3000000\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_DOUBLE_EQ(Cgroups(root_).cores(), 2.5);
  EXPECT_EQ(Cgroups(root_).memory(), 3'000'000U);
}

}  // namespace
}  // namespace sluice::control
