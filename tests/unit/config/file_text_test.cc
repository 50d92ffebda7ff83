#include "config/file_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

class FileText : public testing::Test {
 protected:
  FileText() {
    char name[] = "/tmp/file-text-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~FileText() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return folder_ + "/" + name; }

  std::string folder_;
  std::string why_;
};

TEST_F(FileText, gives_the_text_of_a_file) {
  std::ofstream(path("a")) << "sluice = 1\n";
  EXPECT_EQ(read_file_text(path("a"), 100, why_), "sluice = 1\n");
}

TEST_F(FileText, stops_reading_what_is_too_large) {
  std::ofstream(path("a")) << std::string(1'000'000, 'x');
  std::optional<std::string> text = read_file_text(path("a"), 100, why_);
  ASSERT_TRUE(text);
  EXPECT_GT(text->size(), 100U);
  EXPECT_LT(text->size(), 1'000'000U);
}

TEST_F(FileText, is_not_held_up_by_a_pipe_that_nobody_writes_into) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(read_file_text(path("pipe"), 100, why_, 20ms));
  EXPECT_EQ(why_, "a pipe, and whoever writes into it did not come to an end");
}

TEST_F(FileText, is_not_held_up_by_a_writer_that_never_ends) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  int both = open(path("pipe").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(write(both, "slu", 3), 3);
  EXPECT_FALSE(read_file_text(path("pipe"), 100, why_, 20ms));
  close(both);
}

TEST_F(FileText, reads_a_pipe_to_its_end) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path("pipe")) << "sluice = " << std::flush << "1\n"; });
  EXPECT_EQ(read_file_text(path("pipe"), 100, why_), "sluice = 1\n");
  writer.join();
}

TEST_F(FileText, refuses_what_is_no_file) {
  EXPECT_FALSE(read_file_text(folder_, 100, why_));
  EXPECT_EQ(why_, "not a file");
  EXPECT_FALSE(read_file_text("/dev/zero", 100, why_));
  EXPECT_EQ(why_, "not a file");
  EXPECT_FALSE(read_file_text(path("none"), 100, why_));
  EXPECT_EQ(why_, "No such file or directory");
}

}  // namespace
}  // namespace sluice::config
