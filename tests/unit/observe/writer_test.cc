#include "observe/writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "unit/observe/temporary_folder.h"

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

bool put(LogStream& stream, std::string_view line) {
  char* out = stream.reserve(line.size() + 1);
  if (out == nullptr) return false;
  std::memcpy(out, line.data(), line.size());
  out[line.size()] = '\n';
  stream.commit(out + line.size() + 1);
  return true;
}

// Waits for another thread's doing, not for a time.
template <class Condition>
bool becomes_true(Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Writer, stop_writes_every_line_that_was_handed_over) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = folder.file("access.log")});
  {
    LogStream stream(*file);
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(put(stream, "line " + std::to_string(i)));
  }
  writer.stop();
  std::vector<std::string> lines = read_lines(folder.file("access.log"));
  ASSERT_EQ(lines.size(), 10'000U);
  for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i], "line " + std::to_string(i));
  EXPECT_EQ(file->counts().lines, 10'000U);
  EXPECT_EQ(file->counts().dropped, 0U);
}

TEST(Writer, flush_reaches_the_file_while_running) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = folder.file("access.log")});
  LogStream stream(*file);
  put(stream, "one");
  stream.flush();
  EXPECT_TRUE(becomes_true([&] { return read_whole(folder.file("access.log")) == "one\n"; }));
  put(stream, "two");
  stream.flush();
  EXPECT_TRUE(becomes_true([&] { return read_whole(folder.file("access.log")) == "one\ntwo\n"; }));
}

TEST(Writer, lines_of_several_workers_stay_whole_and_in_order) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file = *writer.open({.name = "access",
                            .path = folder.file("access.log"),
                            .buffer_bytes = 512,
                            .waiting_max = 100'000});
  std::vector<std::thread> workers;
  for (char name : {'a', 'b', 'c'}) {
    workers.emplace_back([&file, name] {
      LogStream stream(*file);
      for (int i = 0; i < 5'000; ++i) put(stream, name + std::to_string(i));
    });
  }
  for (int i = 0; i < 1'000; ++i)
    file->write("m" + std::to_string(i) + "\n");  // any thread, by line
  for (std::thread& worker : workers) worker.join();
  writer.stop();
  std::map<char, int> next;
  for (const std::string& line : read_lines(folder.file("access.log"))) {
    ASSERT_EQ(line.substr(1), std::to_string(next[line[0]]++)) << line;
  }
  EXPECT_EQ(next, (std::map<char, int>{{'a', 5'000}, {'b', 5'000}, {'c', 5'000}, {'m', 1'000}}));
}

TEST(Writer, a_reader_that_stops_costs_lines_and_never_a_wait) {
  TemporaryFolder folder;
  std::string pipe = folder.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  LogWriter writer;
  auto stuck =
      *writer.open({.name = "access", .path = pipe, .buffer_bytes = 4096, .waiting_max = 4});
  auto other = *writer.open({.name = "error", .path = folder.file("error.log")});
  std::string line(1000, 'x');
  LogStream stream(*stuck);
  int taken = 0, lost = 0;
  for (int i = 0; i < 2'000; ++i) ++(put(stream, line) ? taken : lost);
  EXPECT_GT(lost, 1'000);  // a pipe of 64 KiB and five buffers of 4 KiB hold some 90
  EXPECT_EQ(stuck->counts().dropped, static_cast<uint64_t>(lost));
  // Another log is written all the same.
  other->write("hello\n");
  EXPECT_TRUE(becomes_true([&] { return read_whole(folder.file("error.log")) == "hello\n"; }));
  // The reader comes back: every line taken arrives, and later ones find room again.
  std::string got;
  char bytes[65536];
  auto drain = [&] {
    ssize_t count = read(reader, bytes, sizeof bytes);
    if (count > 0) got.append(bytes, static_cast<size_t>(count));
  };
  EXPECT_TRUE(becomes_true([&] {
    drain();
    return put(stream, "again");
  }));
  stream.flush();
  EXPECT_TRUE(becomes_true([&] {
    drain();
    return got.ends_with("again\n");
  }));
  EXPECT_EQ(static_cast<int>(std::count(got.begin(), got.end(), '\n')), taken + 1);
  close(reader);
}

TEST(Writer, stop_waits_for_a_stuck_reader_only_so_long) {
  TemporaryFolder folder;
  std::string pipe = folder.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = pipe});
  LogStream stream(*file);
  std::string line(1000, 'x');
  for (int i = 0; i < 500; ++i) put(stream, line);
  stream.flush();
  auto begin = std::chrono::steady_clock::now();
  writer.stop(100ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(file->counts().lines, 500U);
  EXPECT_GT(file->counts().dropped, 400U);  // the pipe took some 64 KiB
  close(reader);
}

TEST(Writer, a_reader_that_has_gone_is_counted_and_survived) {
  TemporaryFolder folder;
  std::string pipe = folder.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = pipe});
  close(reader);
  file->write("lost\n");  // EPIPE, and SIGPIPE kept from the process
  EXPECT_TRUE(becomes_true([&] { return file->counts().dropped == 1; }));
  EXPECT_TRUE(becomes_true([&] { return file->counts().failures == 1; }));   // by another thread, a moment later
}

TEST(Writer, a_full_disk_loses_lines_and_not_the_process) {
  LogWriter writer;
  auto opened = writer.open({.name = "access", .path = "/dev/full"});
  ASSERT_TRUE(opened);
  auto file = *opened;
  for (uint64_t i = 1; i <= 5; ++i) {
    file->write("no room\n");
    EXPECT_TRUE(becomes_true([&] { return file->counts().dropped == i; }));
  }
  EXPECT_EQ(file->counts().failures, 1U);  // one outage, said once
}

// A limit on the size of files stands in for a disk that fills up in the middle of a line.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit small{bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(Writer, a_half_written_line_is_completed_when_there_is_room_again) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = folder.file("access.log")});
  {
    FullDisk full(10);
    file->write("12345\n67890\nlost\n");
    EXPECT_TRUE(becomes_true([&] { return file->counts().dropped == 1; }));
    file->write("lost too\n");
    EXPECT_TRUE(becomes_true([&] { return file->counts().dropped == 2; }));
    EXPECT_EQ(read_whole(folder.file("access.log")), "12345\n6789");
  }
  file->write("later\n");
  writer.stop();
  EXPECT_EQ(read_whole(folder.file("access.log")), "12345\n67890\nlater\n");
  EXPECT_EQ(file->counts().failures, 1U);
}

TEST(Writer, a_half_written_line_does_not_go_on_in_another_file) {
  TemporaryFolder folder;
  std::string path = folder.file("access.log");
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = path});
  {
    FullDisk full(3);
    file->write("12345\n");
    EXPECT_TRUE(becomes_true([&] { return file->counts().failures == 1; }));
  }
  std::filesystem::rename(path, path + ".1");
  writer.reopen();
  EXPECT_TRUE(becomes_true([&] { return std::filesystem::exists(path); }));
  file->write("later\n");
  writer.stop();
  EXPECT_EQ(read_whole(path), "later\n");
  EXPECT_EQ(file->counts().dropped, 1U);
}

// Notices one line of the error log.
class SayingSink final : public LogSink {
 public:
  explicit SayingSink(std::string_view words) : words_(words) { set_log_sink(this); }
  ~SayingSink() override { set_log_sink(nullptr); }
  void write(std::string_view line) override {
    if (line.find(words_) != std::string_view::npos) said_ = true;
  }
  bool said() const { return said_; }

 private:
  std::string_view words_;
  std::atomic<bool> said_{false};
};

TEST(Writer, a_deleted_file_is_made_anew_by_itself) {
  TemporaryFolder folder;
  std::string path = folder.file("access.log");
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = path});
  file->write("one\n");
  EXPECT_TRUE(becomes_true([&] { return read_whole(path) == "one\n"; }));
  std::filesystem::remove(path);
  file->write("two\n");
  EXPECT_TRUE(becomes_true([&] { return read_whole(path) == "two\n"; }));
}

TEST(Writer, a_file_that_cannot_be_made_anew_is_tried_again) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("logs"));
  std::string path = folder.file("logs/access.log");
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = path});
  SayingSink sink("log cannot be opened anew");
  std::filesystem::remove_all(folder.file("logs"));
  writer.reopen();
  EXPECT_TRUE(becomes_true([&] { return sink.said(); }));
  std::filesystem::create_directory(folder.file("logs"));
  EXPECT_TRUE(becomes_true([&] {
    file->write("again\n");
    std::this_thread::sleep_for(10ms);
    return std::filesystem::exists(path);
  }));
  writer.stop();
}

TEST(Writer, a_file_that_nobody_holds_is_closed_when_all_is_out) {
  TemporaryFolder folder;
  auto open_files = [] {
    size_t count = 0;
    for (auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
      count += each.exists() || true;
    return count;
  };
  LogWriter writer;
  size_t before = open_files();
  auto file = *writer.open({.name = "access", .path = folder.file("access.log")});
  {
    LogStream stream(*file);
    for (int i = 0; i < 5'000; ++i) put(stream, "line " + std::to_string(i));
  }
  EXPECT_EQ(open_files(), before + 1);
  file.reset();
  EXPECT_TRUE(becomes_true([&] { return open_files() == before; }));
  EXPECT_EQ(read_lines(folder.file("access.log")).size(), 5'000U);
  // The counts go on where they were, in whatever file.
  auto next = *writer.open({.name = "access", .path = folder.file("other.log")});
  EXPECT_EQ(next->counts().lines, 5'000U);
  EXPECT_EQ(writer.counts().size(), 1U);
}

TEST(Writer, reopen_follows_a_renamed_file) {
  TemporaryFolder folder;
  std::string path = folder.file("access.log");
  LogWriter writer;
  auto file = *writer.open({.name = "access", .path = path});
  file->write("one\n");
  EXPECT_TRUE(becomes_true([&] { return read_whole(path) == "one\n"; }));
  std::filesystem::rename(path, path + ".1");
  file->write("two\n");  // still into the old one
  EXPECT_TRUE(becomes_true([&] { return read_whole(path + ".1") == "one\ntwo\n"; }));
  writer.reopen();
  EXPECT_TRUE(becomes_true([&] { return std::filesystem::exists(path); }));
  file->write("three\n");
  writer.stop();
  EXPECT_EQ(read_whole(path), "three\n");
  EXPECT_EQ(read_whole(path + ".1"), "one\ntwo\n");
}

TEST(Writer, a_path_that_cannot_be_opened_is_an_error_and_the_old_file_stays) {
  TemporaryFolder folder;
  LogWriter writer;
  auto missing = writer.open({.name = "access", .path = folder.file("none/access.log")});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), std::errc::no_such_file_or_directory);
  std::filesystem::create_directory(folder.file("logs"));
  auto file = *writer.open({.name = "access", .path = folder.file("logs/access.log")});
  std::filesystem::rename(folder.file("logs"), folder.file("moved"));
  writer.reopen();
  file->write("kept\n");
  writer.stop();
  EXPECT_EQ(read_whole(folder.file("moved/access.log")), "kept\n");
}

TEST(Writer, a_line_longer_than_a_buffer_is_cut_or_refused) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file = *writer.open({.name = "error", .path = folder.file("error.log"), .buffer_bytes = 16});
  file->write(std::string(100, 'x') + "\n");
  LogStream stream(*file);
  EXPECT_EQ(stream.reserve(17), nullptr);
  EXPECT_TRUE(put(stream, "fits"));
  EXPECT_EQ(file->counts().dropped, 1U);
  stream.flush();
  writer.stop();
  EXPECT_EQ(read_whole(folder.file("error.log")), std::string(15, 'x') + "\nfits\n");
}

TEST(Writer, is_a_sink_for_the_error_log) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file = *writer.open({.name = "error", .path = folder.file("error.log")});
  set_log_sink(file.get());
  LOG(warn, "upstream refused", kv("upstream", "orders"));
  set_log_sink(nullptr);
  writer.stop();
  std::string text = read_whole(folder.file("error.log"));
  EXPECT_TRUE(text.ends_with("upstream refused upstream=orders\n")) << text;
}

TEST(Writer, buffers_come_back_for_reuse) {
  TemporaryFolder folder;
  LogWriter writer;
  auto file =
      *writer.open({.name = "access", .path = folder.file("access.log"), .buffer_bytes = 64});
  LogStream stream(*file);
  std::string expected;
  std::set<const char*> places;
  for (int i = 0; i < 200; ++i) {
    std::string line = "line " + std::to_string(i);
    char* out = stream.reserve(40);
    ASSERT_NE(out, nullptr);
    places.insert(out);
    put(stream, line);
    stream.flush();
    expected += line + '\n';
    ASSERT_TRUE(becomes_true([&] { return read_whole(folder.file("access.log")) == expected; }));
  }
  EXPECT_LE(places.size(), 8U);  // not one for each of the 200
}

}  // namespace
}  // namespace sluice::observe
