#include "observe/log_set.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "unit/observe/temporary_folder.h"

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

LogConfig config_of(const std::string& error, const std::string& access) {
  LogConfig config;
  config.error.file.path = error;
  if (!access.empty()) {
    config.access.emplace();
    config.access->file.path = access;
  }
  return config;
}

void put(LogSet& logs, const LogConfig& config) {
  auto prepared = logs.prepare(config);
  ASSERT_TRUE(prepared);
  logs.commit(*std::move(prepared));
}

bool seen_open(const std::string& path) {
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(each.path(), gone) == path) return true;
  }
  return false;
}

// After a commit the writer opens the files anew, each under another descriptor than before: a look
// at that moment may pass the new one's place before it is there and reach the old one's when it is
// gone. That happens once per commit at most, and no test here has as many as these.
constexpr int kLooks = 8;

bool is_open(const std::string& path) {
  for (int i = 0; i < kLooks; ++i) {
    if (seen_open(path)) return true;
  }
  return false;
}

bool becomes_closed(const std::string& path) {
  auto deadline = std::chrono::steady_clock::now() + 20s;
  while (is_open(path)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

void write_path(AccessLog& log, std::string_view path) {
  AccessRecord record;
  record.path = path;
  log.write(record);
}

TEST(LogSet, is_not_held_up_by_a_pipe_that_nobody_reads) {
  TemporaryFolder folder;
  LogSet logs;
  ASSERT_EQ(mkfifo(folder.file("pipe").c_str(), 0600), 0);
  auto prepared = logs.prepare(config_of(folder.file("e.log"), folder.file("pipe")));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error(), std::vector<std::string>{"log.access: cannot open " + folder.file("pipe") +
                                                       ": a pipe that nobody reads, or a socket"});
}

TEST(LogSet, a_file_that_cannot_be_opened_changes_nothing) {
  TemporaryFolder folder;
  LogSet logs;
  put(logs, config_of(folder.file("error.log"), folder.file("access.log")));
  auto before = logs.access_log();
  auto prepared = logs.prepare(config_of(folder.file("no/e.log"), folder.file("no/a.log")));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(
      prepared.error(),
      (std::vector<std::string>{
          "log.error: cannot open " + folder.file("no/e.log") + ": No such file or directory",
          "log.access: cannot open " + folder.file("no/a.log") + ": No such file or directory"}));
  EXPECT_EQ(logs.access_log(), before);
  LOG(info, "still here");
  logs.stop();
  EXPECT_EQ(read_lines(folder.file("error.log")).size(), 1U);
}

TEST(LogSet, what_was_prepared_and_not_committed_is_closed) {
  TemporaryFolder folder;
  LogSet logs;
  put(logs, config_of(folder.file("error.log"), ""));
  {
    auto prepared = logs.prepare(config_of(folder.file("error.log"), folder.file("a.log")));
    ASSERT_TRUE(prepared);
    EXPECT_TRUE(is_open(folder.file("a.log")));
  }
  EXPECT_TRUE(becomes_closed(folder.file("a.log")));
  EXPECT_EQ(logs.access_log(), nullptr);
}

TEST(LogSet, an_unchanged_access_log_stays_the_same_object) {
  TemporaryFolder folder;
  LogSet logs;
  LogConfig config = config_of(folder.file("error.log"), folder.file("access.log"));
  put(logs, config);
  auto before = logs.access_log();
  put(logs, config);
  EXPECT_EQ(logs.access_log(), before);
  config.access->format = *LogFormat::parse("common");
  put(logs, config);
  EXPECT_NE(logs.access_log(), before);
  EXPECT_EQ(logs.access_log()->file, before->file);  // opened once
}

TEST(LogSet, an_access_log_taken_away_is_closed_after_the_last_worker_and_loses_no_line) {
  TemporaryFolder folder;
  std::string old_path = folder.file("old.log"), new_path = folder.file("new.log");
  LogSet logs;
  put(logs, config_of(folder.file("error.log"), old_path));
  std::optional<AccessLog> one(logs.access_log()), two(logs.access_log());
  write_path(*one, "/1");
  write_path(*two, "/2");
  put(logs, config_of(folder.file("error.log"), new_path));
  one.emplace(logs.access_log());
  write_path(*two, "/3");  // has not heard yet
  write_path(*one, "/4");
  EXPECT_TRUE(is_open(old_path));
  two.emplace(logs.access_log());
  EXPECT_TRUE(becomes_closed(old_path));
  EXPECT_EQ(read_lines(old_path).size(), 3U);
  put(logs, config_of(folder.file("error.log"), ""));
  one.reset();
  two.reset();
  EXPECT_TRUE(becomes_closed(new_path));
  EXPECT_EQ(read_lines(new_path).size(), 1U);
  for (const auto& [name, counts] : logs.counts()) {
    if (name == kAccessLogName) {
      EXPECT_EQ(counts.lines, 4U);  // of both files: it never goes back
    }
  }
}

TEST(LogSet, the_error_log_moves_while_threads_write_it) {
  TemporaryFolder folder;
  LogSet logs;
  put(logs, config_of(folder.file("0.log"), ""));
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread other([&] {
    while (!stop) {
      LogPlace place;  // a new one each time: this is no test of its bound
      log_line(place, LogLevel::info, "moving", {});
      ++written;
    }
  });
  for (int i = 1; i < 20; ++i)
    put(logs, config_of(folder.file(std::to_string(i % 3) + ".log"), ""));
  while (written < 1'000) std::this_thread::yield();
  stop = true;
  other.join();
  logs.stop();
  size_t lines = 0;
  for (const char* name : {"0.log", "1.log", "2.log"}) {
    for (const std::string& line : read_lines(folder.file(name))) {
      lines += line.ends_with(" moving") ? 1 : 0;
    }
  }
  EXPECT_EQ(lines, static_cast<size_t>(written));
}

TEST(LogSet, a_commit_opens_kept_files_anew) {
  TemporaryFolder folder;
  LogSet logs;
  LogConfig config = config_of(folder.file("error.log"), "");
  put(logs, config);
  std::filesystem::rename(folder.file("error.log"), folder.file("error.log.1"));
  put(logs, config);
  LOG(info, "after");
  logs.stop();
  EXPECT_TRUE(std::filesystem::exists(folder.file("error.log")));
}

}  // namespace
}  // namespace sluice::observe
