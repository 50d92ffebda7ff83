#include "net/pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace sluice::net {
namespace {

/// Two connected sockets that do not block.
struct Sockets {
  Sockets() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0); }
  ~Sockets() {
    close(ends[0]);
    close(ends[1]);
  }
  void put(std::string_view text) {
    EXPECT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string take() {
    std::string text(1 << 20, '\0');
    ssize_t count = read(ends[1], text.data(), text.size());
    text.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return text;
  }
  int ends[2];
};

class PipeTest : public ::testing::Test {
 public:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }  // as the program does
  Sockets from, to;
  BlockPool blocks;
};

TEST_F(PipeTest, moves_no_byte_more_than_asked) {
  auto pipe = Pipe::make();
  ASSERT_TRUE(pipe);
  from.put("body and the next message");
  EXPECT_EQ(pipe->fill_from(from.ends[0], 4), Pipe::Fill::some);
  EXPECT_EQ(pipe->size(), 4U);
  EXPECT_EQ(pipe->pour_into(to.ends[0]), 4U);
  EXPECT_EQ(pipe->size(), 0U);
  EXPECT_EQ(to.take(), "body");
  char rest[64];
  EXPECT_EQ(read(from.ends[0], rest, sizeof(rest)), 21);
}

TEST_F(PipeTest, tells_nothing_yet_from_never) {
  auto pipe = Pipe::make();
  ASSERT_TRUE(pipe);
  EXPECT_EQ(pipe->fill_from(from.ends[0], 100), Pipe::Fill::nothing);
  from.put("last");
  shutdown(from.ends[1], SHUT_WR);
  EXPECT_EQ(pipe->fill_from(from.ends[0], 100), Pipe::Fill::some);
  EXPECT_EQ(pipe->pour_into(to.ends[0]), 4U);
  EXPECT_EQ(pipe->fill_from(from.ends[0], 100), Pipe::Fill::ended);
}

TEST_F(PipeTest, keeps_what_a_full_or_broken_socket_does_not_take) {
  auto pipe = Pipe::make();
  ASSERT_TRUE(pipe);
  from.put("abcdef");
  EXPECT_EQ(pipe->fill_from(from.ends[0], 100), Pipe::Fill::some);
  std::string filler(1 << 16, 'x');
  while (write(to.ends[0], filler.data(), filler.size()) > 0) {}
  EXPECT_EQ(pipe->pour_into(to.ends[0]), 0U);
  close(to.ends[1]);
  to.ends[1] = dup(to.ends[0]);
  EXPECT_EQ(pipe->pour_into(to.ends[0]), 0U);
  Chain bytes;
  pipe->read(blocks, 4, bytes);
  EXPECT_EQ(bytes.to_string(), "abcd");
  pipe->read(blocks, 4, bytes);
  EXPECT_EQ(bytes.to_string(), "abcdef");
  EXPECT_EQ(pipe->size(), 0U);
}

TEST_F(PipeTest, the_process_has_so_many_and_lends_them_again) {
  SharedPipes shared;
  std::vector<std::unique_ptr<Pipe>> lent;
  for (size_t i = 0; i < SharedPipes::kMax; ++i) {
    lent.push_back(shared.take());
    ASSERT_TRUE(lent.back()) << i;
  }
  EXPECT_EQ(shared.take(), nullptr);
  EXPECT_EQ(shared.lent(), SharedPipes::kMax);
  Pipe* first = lent.back().get();
  shared.give(std::move(lent.back()));
  lent.back() = shared.take();
  EXPECT_EQ(lent.back().get(), first);
  for (auto& pipe : lent) shared.give(std::move(pipe));
  EXPECT_EQ(shared.lent(), 0U);
}

TEST_F(PipeTest, one_with_bytes_in_it_is_never_lent_again) {
  SharedPipes shared;
  auto pipe = shared.take();
  ASSERT_TRUE(pipe);
  from.put("secret of somebody else");
  EXPECT_EQ(pipe->fill_from(from.ends[0], 100), Pipe::Fill::some);
  shared.give(std::move(pipe));
  EXPECT_EQ(shared.lent(), 0U);
  for (size_t i = 0; i < SharedPipes::kMax; ++i) {
    auto fresh = shared.take();
    ASSERT_TRUE(fresh);
    EXPECT_EQ(fresh->size(), 0U);
    EXPECT_EQ(fresh->pour_into(to.ends[0]), 0U);
    shared.give(std::move(fresh));
  }
  EXPECT_EQ(to.take(), "");
}

TEST_F(PipeTest, no_descriptors_no_pipe_but_later_again) {
  SharedPipes shared;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none{3, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_EQ(shared.take(), nullptr);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(shared.lent(), 0U);
  EXPECT_NE(shared.take(), nullptr);
}

TEST_F(PipeTest, workers_take_and_give_at_once) {
  SharedPipes shared;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&shared] {
      for (int i = 0; i < 2000; ++i) {
        auto one = shared.take();
        auto other = shared.take();
        if (one) shared.give(std::move(one));
        if (other) shared.give(std::move(other));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(shared.lent(), 0U);
}

}  // namespace
}  // namespace sluice::net
