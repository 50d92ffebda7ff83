// A Pump between two real sockets and codecs that only count: when it splices, what it does with bytes that
// the receiver does not take, and that every way out gives the pipe back.
#include "proxy/splice.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/codec.h"
#include "proxy/pump.h"

namespace sluice::proxy {
namespace {

using http::End;
using State = Pump::State;

/// One side's stream over one end of a socket pair; the test holds the other.
class SocketStream final : public http::Stream {
 public:
  SocketStream() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    socket = ends[0];
  }
  ~SocketStream() override {
    close(ends[0]);
    close(ends[1]);
  }
  void send_informational(const http::Head&) override {}
  void send_head(const http::Head&, End) override {}
  void send_trailers(const http::Fields&) override {}
  void reset(Error) override {}
  void detach() override {}
  void send_body(Chain bytes, End end) override {
    queued += bytes.to_string();
    ended = end == End::yes;
  }
  size_t credit() const override { return 256 * 1024; }
  void consume(size_t bytes) override {
    consumed += bytes;
    held = false;
  }
  void hold_raw() override { held = true; }
  http::RawRun raw_run() override { return {left, socket}; }
  http::RawRun raw_room() override {
    if (verbatim && !queued.empty()) return {0, socket};
    return {verbatim ? UINT64_MAX : 0, verbatim ? socket : -1};
  }
  void begin_raw() override { raw = true; }
  void end_raw() override { raw = false; }
  void raw_taken(uint64_t bytes) override {
    left -= bytes;
    if (left == 0) {
      raw = false;
      at_end->end();
    }
  }
  void raw_sent(uint64_t bytes) override { sent += bytes; }

  void put(std::string_view text) {
    EXPECT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// What has come out at the other end; what is queued leaves first, as far as there is room.
  void take() {
    char bytes[4096];
    for (ssize_t count; (count = read(ends[1], bytes, sizeof(bytes))) > 0;) {
      out.append(bytes, static_cast<size_t>(count));
    }
    out += std::exchange(queued, {});
  }

  int ends[2];
  int socket = -1;
  uint64_t left = 1'000'000;
  uint64_t sent = 0, consumed = 0;
  bool verbatim = true, raw = false, ended = false, held = false;
  Pump* at_end = nullptr;
  std::string queued, out;
};

class SpliceTest : public ::testing::Test {
 public:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }  // as the program does
  SpliceTest() {
    from.at_end = &pump;
    pump.start(&from, to, nullptr);
  }
  ~SpliceTest() override {
    pump.clear();
    EXPECT_EQ(pipes.lent(), 0U) << "a pipe was kept";
  }
  State run() { return pump.run(blocks, &pipes); }

  BlockPool blocks;
  net::SharedPipes pipes;
  SocketStream from, to;
  Pump pump;
};

TEST_F(SpliceTest, moves_what_comes_and_ends_with_the_body) {
  from.left = Splice::kBytesMin;
  from.put("first");
  EXPECT_EQ(run(), State::open);
  EXPECT_TRUE(from.raw);
  EXPECT_EQ(pipes.lent(), 1U);
  EXPECT_EQ(from.consumed, 5U);
  std::string rest(Splice::kBytesMin - 5, 'r');
  for (size_t at = 0; at < rest.size(); at += 1024) {
    from.put(std::string_view(rest).substr(at, 1024));
    run();
    to.take();
  }
  EXPECT_TRUE(pump.done());
  EXPECT_TRUE(to.ended);
  EXPECT_TRUE(to.out == "first" + rest);
  EXPECT_EQ(pump.bytes(), Splice::kBytesMin);
  EXPECT_EQ(pump.spliced(), Splice::kBytesMin);
  EXPECT_EQ(pipes.lent(), 0U);
}

TEST_F(SpliceTest, small_bodies_chunks_and_filters_take_the_ordinary_way) {
  from.left = Splice::kBytesMin - 1;
  EXPECT_EQ(run(), State::open);
  EXPECT_FALSE(from.raw);
  from.left = 1'000'000;
  EXPECT_EQ(run(), State::open);
  EXPECT_FALSE(from.raw) << "asked once for each body";
  Pump other;
  to.verbatim = false;
  other.start(&from, to, nullptr);
  EXPECT_EQ(other.run(blocks, &pipes), State::open);
  EXPECT_FALSE(from.raw);
}

TEST_F(SpliceTest, waits_until_what_was_queued_before_has_left) {
  to.queued = "head";
  EXPECT_EQ(run(), State::open);
  EXPECT_FALSE(from.raw);
  to.take();
  EXPECT_EQ(run(), State::open);
  EXPECT_TRUE(from.raw);
}

TEST_F(SpliceTest, without_a_free_pipe_the_ordinary_way_is_taken) {
  std::vector<std::unique_ptr<net::Pipe>> lent;
  while (auto pipe = pipes.take()) lent.push_back(std::move(pipe));
  EXPECT_EQ(run(), State::open);
  EXPECT_FALSE(from.raw);
  for (auto& pipe : lent) pipes.give(std::move(pipe));
}

/// Fills the receiver's socket until some bytes stay in the pipe.
void block(SpliceTest& test, std::string& all) {
  while (!test.pump.holds() && all.size() < 900'000) {
    std::string piece(10'000, static_cast<char>('a' + all.size() / 10'000 % 26));
    test.from.put(piece);
    all += piece;
    test.run();
  }
  ASSERT_TRUE(test.pump.holds());
}

TEST_F(SpliceTest, a_full_receiver_stops_the_sender_and_every_byte_comes_in_order) {
  std::string all;
  block(*this, all);
  EXPECT_LT(from.consumed, all.size());
  EXPECT_FALSE(to.queued.empty()) << "nothing would tell that there is room again";
  EXPECT_TRUE(from.held) << "it would be taken for late";
  from.put("more");
  run();
  EXPECT_EQ(from.left, 1'000'000 - all.size()) << "taken though there is no room";
  while (to.out.size() < all.size() + 4) {
    to.take();
    run();
  }
  EXPECT_TRUE(to.out == all + "more");
  EXPECT_EQ(from.consumed, all.size() + 4);
  EXPECT_FALSE(from.held);
}

TEST_F(SpliceTest, a_receiver_that_fails_gets_the_rest_the_ordinary_way) {
  std::string all;
  block(*this, all);
  to.take();
  to.verbatim = false;   // as a codec that cannot write any more
  run();
  EXPECT_FALSE(from.raw);
  EXPECT_FALSE(pump.holds());
  to.take();
  EXPECT_TRUE(to.out == all);
  EXPECT_EQ(from.consumed, all.size());
  EXPECT_EQ(pipes.lent(), 0U);
}

TEST_F(SpliceTest, a_sender_that_ends_early_is_read_again) {
  from.put("some");
  shutdown(from.ends[1], SHUT_WR);
  EXPECT_EQ(run(), State::open);
  to.take();
  EXPECT_EQ(to.out, "some");
  EXPECT_FALSE(from.raw);
  EXPECT_FALSE(to.ended);
  EXPECT_EQ(pipes.lent(), 0U);
}

TEST_F(SpliceTest, a_discarded_body_is_read_again_and_wholly_consumed) {
  std::string all;
  block(*this, all);
  pump.forget_receiver();
  EXPECT_EQ(run(), State::open);
  pump.discard();
  EXPECT_FALSE(from.raw);
  EXPECT_EQ(from.consumed, all.size());
  EXPECT_EQ(pipes.lent(), 0U);
}

TEST_F(SpliceTest, what_a_gone_sender_left_still_goes_out) {
  std::string all;
  block(*this, all);
  pump.forget_source();
  while (pump.holds()) {
    to.take();
    run();
  }
  to.take();
  EXPECT_TRUE(to.out == all);
  EXPECT_EQ(pipes.lent(), 0U);
}

TEST_F(SpliceTest, a_body_that_may_be_sent_again_is_not_spliced) {
  pump.keep_replay();
  EXPECT_EQ(run(), State::open);
  EXPECT_FALSE(from.raw);
  pump.drop_replay();
  from.put("abc");
  EXPECT_EQ(run(), State::open);
  EXPECT_TRUE(from.raw);
  EXPECT_FALSE(pump.replayable());
}

}  // namespace
}  // namespace sluice::proxy
