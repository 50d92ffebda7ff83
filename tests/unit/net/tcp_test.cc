#include "net/tcp.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "unit/net/loopback.h"

namespace sluice::net {
namespace {

constexpr size_t kMiB = 1 << 20;

/// Writes `total` bytes of the pattern, waiting for on_writable whenever something is queued.
struct Source {
  Source(TestLoop& l, End& e, size_t t) : loop(l), end(e), total(t) {
    end.at_writable = [this] { pour(); };
  }
  void pour() {
    while (sent < total && end.transport->queued() == 0) {
      size_t part = std::min<size_t>(total - sent, 300'001);  // off every block boundary
      Chain bytes;
      bytes.append_copy(loop->blocks(), pattern(part, sent));
      if (!end.transport->write(std::move(bytes))) return;
      sent += part;
      if (end.transport->queued() > 0) ++short_writes;
    }
    if (sent == total) end.transport->finish();
  }
  TestLoop& loop;
  End& end;
  size_t total, sent = 0;
  int short_writes = 0;
};

class Sockets : public ::testing::TestWithParam<const char*> {
 public:
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }  // as the program does
};
INSTANTIATE_TEST_SUITE_P(
    , Sockets, ::testing::Values("127.0.0.1:1", "[::1]:1", "unix:tcp_test.sock"),
    [](const auto& param) {
      return std::string(param.index == 0 ? "v4" : param.index == 1 ? "v6" : "unix_path");
    });

TEST_P(Sockets, carry_bytes_and_ends_both_ways) {
  Pair pair(GetParam());
  pair.connect();
  ASSERT_TRUE(pair.client.send(pair.loop, "ping"));
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().received == "ping"; }));
  pair.client.transport->finish();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().eof; }));
  ASSERT_TRUE(pair.server().send(pair.loop, "after your end"));  // half-closed, not closed
  pair.server().transport->finish();
  ASSERT_TRUE(pair.loop.until([&] { return pair.client.eof; }));
  EXPECT_EQ(pair.client.received, "after your end");
  EXPECT_FALSE(pair.client.send(pair.loop, "too late"));
}

TEST_P(Sockets, leave_bytes_and_ends_to_somebody_else_until_told) {
  Pair pair(GetParam());
  pair.connect();
  pair.server().transport->leave_bytes();
  ASSERT_TRUE(pair.client.send(pair.loop, "not yours"));
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().readable > 0; }));
  EXPECT_EQ(pair.server().received, "");
  char taken[4];
  EXPECT_EQ(recv(pair.server().transport->raw_socket(), taken, sizeof(taken), 0), 4);
  pair.client.transport->finish();
  int before = pair.server().readable;
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().readable > before; }));
  EXPECT_FALSE(pair.server().eof);
  pair.server().transport->take_bytes();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().eof; }));
  EXPECT_EQ(pair.server().received, "yours");
}

TEST_P(Sockets, what_came_during_a_pause_is_read_after_it_and_the_end_too) {
  Pair pair(GetParam());
  pair.connect();
  pair.server().transport->pause_read();
  ASSERT_TRUE(pair.client.send(pair.loop, "first"));
  pair.loop.settle();
  EXPECT_EQ(pair.server().received, "");
  pair.server().transport->resume_read();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().received == "first"; }));
  pair.server().transport->pause_read();
  ASSERT_TRUE(pair.client.send(pair.loop, " last"));
  pair.client.transport->finish();
  pair.loop.settle();
  EXPECT_FALSE(pair.server().eof);
  pair.server().transport->resume_read();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().eof; }));
  EXPECT_EQ(pair.server().received, "first last");
}

TEST_P(Sockets, bytes_that_somebody_else_left_are_read_when_they_are_taken_back) {
  Pair pair(GetParam());
  pair.connect();
  pair.server().transport->leave_bytes();
  ASSERT_TRUE(pair.client.send(pair.loop, "untouched"));
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().readable == 1; }));
  pair.loop.settle();
  EXPECT_EQ(pair.server().readable, 1);              // told once ...
  pair.server().transport->leave_bytes();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().readable == 2; }));   // ... and again to whoever asks
  pair.server().transport->take_bytes();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().received == "untouched"; }));
}

TEST_P(Sockets, are_byte_exact_over_100_mb_to_a_slow_reader) {  // T10.1
  constexpr size_t kTotal = 100'000'000;
  Pair pair(GetParam());
  pair.connect();
  pair.server().keep = false;
  size_t wrong = 0, reads = 0;
  pair.server().at_read = [&](const Slice& bytes) {
    size_t from = pair.server().received_bytes - bytes.size;
    if (bytes.view() != pattern(bytes.size, from)) ++wrong;
    if (++reads % 16 == 0) pair.server().transport->pause_read();
  };
  Source source(pair.loop, pair.client, kTotal);
  source.pour();
  int turn = 0;
  ASSERT_TRUE(pair.loop.until(
      [&] {
        if (++turn % 3 == 0 && !pair.server().eof) pair.server().transport->resume_read();
        return pair.server().eof;
      },
      seconds(120)));
  EXPECT_EQ(pair.server().received_bytes, kTotal);
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(source.short_writes, 10);
  EXPECT_LT(pair.loop->blocks().bytes_held(), 8 * kMiB);
}

TEST_P(Sockets, what_is_queued_when_finish_is_called_leaves_before_the_end) {
  Pair pair(GetParam());
  pair.connect();
  pair.server().transport->pause_read();
  std::string first = pattern(16 * kMiB), second = pattern(kMiB, first.size());
  ASSERT_TRUE(pair.client.send(pair.loop, first));
  ASSERT_GT(pair.client.transport->queued(), 0u);
  ASSERT_TRUE(pair.client.send(pair.loop, second));  // waits behind the first
  pair.client.transport->finish();
  EXPECT_FALSE(pair.client.send(pair.loop, "after the end"));
  pair.server().transport->resume_read();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().eof; }));
  EXPECT_TRUE(pair.server().received == first + second);
}

TEST_P(Sockets, refused_connects_fail_later_with_their_code) {
  TestLoop loop;
  SocketAddress dead;
  {
    ListenSocket gone = listen_on(GetParam());
    dead = gone.address();
  }
  End end;
  auto made = connect_socket(loop, dead, end);
  ASSERT_TRUE(made);
  end.transport = std::move(*made);
  EXPECT_FALSE(end.failed);
  ASSERT_TRUE(loop.until([&] { return end.failed.has_value(); }));
  EXPECT_EQ(end.failed->code, Code::connect_refused);
  EXPECT_FALSE(end.opened);
}

TEST_P(Sockets, without_a_descriptor_left_a_connect_fails_as_our_own_overload) {
  if (kSanitized) GTEST_SKIP() << "UBSan opens a pipe to look at a class it sees first";
  TestLoop loop;
  ListenSocket socket = listen_on(GetParam());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  int next = dup(0);
  close(next);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  End end;
  auto made = connect_socket(loop, socket.address(), end);
  bool heard = !made;
  if (made) {
    end.transport = std::move(*made);
    heard = loop.until([&] { return end.failed.has_value(); });
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(heard);
  Error why = made ? end.failed.value_or(Error{}) : made.error();
  EXPECT_EQ(why.code, Code::overloaded) << why.what;
}

TEST_P(Sockets, writes_before_the_connect_is_done_are_kept) {
  Pair pair(GetParam());
  auto made = connect_socket(pair.loop, pair.socket.address(), pair.client);
  ASSERT_TRUE(made);
  pair.client.transport = std::move(*made);
  ASSERT_TRUE(pair.client.send(pair.loop, "early"));
  ASSERT_TRUE(pair.loop.until(
      [&] { return !pair.door.ends.empty() && pair.server().received == "early"; }));
}

TEST_P(Sockets, no_event_comes_after_the_owner_let_go) {  // T10.2
  // In every state: connecting, idle, in the middle of a read event, with output queued,
  // half-closed.
  for (int state = 0; state < 8; ++state) {
    Pair pair(GetParam());
    if (state == 0) {
      auto made = connect_socket(pair.loop, pair.socket.address(), pair.client);
      ASSERT_TRUE(made);
      made->reset();
      pair.loop.settle();
      EXPECT_FALSE(pair.client.opened || pair.client.failed);
      continue;
    }
    pair.connect();
    End& server = pair.server();
    if (state == 1) pair.client.transport.reset();
    if (state == 2) {
      server.at_read = [&](const Slice&) { server.transport.reset(); };
      ASSERT_TRUE(pair.client.send(pair.loop, "x"));
    }
    if (state == 3) {
      server.transport->pause_read();
      ASSERT_TRUE(pair.client.send(pair.loop, pattern(20 * kMiB)));
      pair.client.transport.reset();
    }
    if (state == 4) {
      pair.client.transport->finish();
      pair.client.transport.reset();
    }
    if (state == 5) {
      server.at_end = [&] { server.transport.reset(); };
      pair.client.transport->finish();
    }
    if (state == 6) {
      pair.client.transport->abort();
      pair.client.transport->abort();
      pair.client.transport->finish();
      EXPECT_FALSE(pair.client.send(pair.loop, "x"));
      pair.client.transport.reset();
    }
    if (state == 7) {
      ASSERT_TRUE(pair.client.send(pair.loop, pattern(20 * kMiB)));
      pair.client.at_writable = [&] { pair.client.transport.reset(); };
    }
    pair.loop.settle();
  }
}

TEST_P(Sockets, random_aborts_under_load_leave_nothing_behind) {  // T10.2, for ASan
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    Pair pair(GetParam());
    pair.connect();
    End& server = pair.server();
    Source up(pair.loop, pair.client, 4 * kMiB), down(pair.loop, server, 4 * kMiB);
    up.pour();
    down.pour();
    pair.loop.settle(static_cast<int>(random.below(8)));
    End& victim = random.below(2) ? pair.client : server;
    if (random.below(2)) victim.transport->abort();
    if (random.below(2)) pair.loop.settle(static_cast<int>(random.below(3)));
    victim.at_writable = nullptr;
    victim.transport.reset();
    pair.loop.settle(3);
  }
}

TEST(Tcp, abort_is_seen_as_a_reset) {
  for (bool finished : {false, true}) {
    Pair pair;
    pair.connect();
    if (finished) pair.server().transport->finish();
    pair.loop.settle();
    pair.server().transport->abort();
    // After our FIN the client has seen the end; its next write learns of the reset.
    if (finished) {
      ASSERT_TRUE(pair.loop.until([&] { return pair.client.eof; }));
      ASSERT_TRUE(pair.loop.until([&] { return pair.client.transport->broken(); }));
    } else {
      ASSERT_TRUE(pair.loop.until([&] { return pair.client.failed.has_value(); }));
      EXPECT_EQ(pair.client.failed->code, Code::reset);
      EXPECT_FALSE(pair.client.eof);
    }
  }
}

TEST(Tcp, a_reset_while_paused_is_seen_by_broken) {
  Pair pair;
  pair.connect();
  pair.server().transport->pause_read();
  EXPECT_TRUE(pair.server().transport->read_paused());
  EXPECT_FALSE(pair.server().transport->broken());
  pair.client.transport->abort();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().transport->broken(); }));
  EXPECT_FALSE(pair.server().failed);
}

TEST(Tcp, a_write_to_a_reset_connection_fails_without_a_signal) {  // T10.6
  Pair pair;
  pair.connect();
  pair.server().transport->pause_read();
  pair.client.transport->abort();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().transport->broken(); }));
  Result<void> first = pair.server().send(pair.loop, "x");
  Result<void> second = pair.server().send(pair.loop, "x");
  EXPECT_FALSE(first && second);
}

TEST(Tcp, queued_output_that_cannot_leave_is_reported) {
  Pair pair;
  pair.connect();
  pair.server().transport->pause_read();
  pair.client.transport->pause_read();
  ASSERT_TRUE(pair.client.send(pair.loop, pattern(20 * kMiB)));
  pair.server().transport->abort();
  ASSERT_TRUE(pair.loop.until([&] { return pair.client.write_failed.has_value(); }));
  EXPECT_EQ(pair.client.write_failed->code, Code::reset);
  EXPECT_EQ(pair.client.transport->queued(), 0u);
}

TEST(Tcp, one_connection_reads_a_bounded_amount_per_turn) {
  Pair pair;
  pair.connect();
  pair.server().keep = false;
  pair.server().transport->pause_read();
  int bytes = 16 << 20;
  setsockopt(pair.server().transport->raw_socket(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  ASSERT_TRUE(pair.client.send(pair.loop, pattern(8 * kMiB)));
  pair.loop.settle(20);
  size_t most = 0, in_turn = 0;
  uint32_t turn = 0;
  pair.server().at_read = [&](const Slice& slice) {
    if (turn != pair.loop->turn()) in_turn = 0;
    turn = pair.loop->turn();
    in_turn += slice.size;
    most = std::max(most, in_turn);
  };
  pair.server().transport->resume_read();
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().received_bytes == 8 * kMiB; }));
  EXPECT_LE(most, 4 * BlockPool::kBulk);
}

TEST(Tcp, both_sides_send_without_delay) {
  Pair pair;
  pair.connect();
  for (End* end : {&pair.client, &pair.server()}) {
    int on = 0;
    socklen_t size = sizeof(on);
    getsockopt(end->transport->raw_socket(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
    EXPECT_EQ(on, 1);
  }
}

TEST(Tcp, an_idle_connection_holds_no_block) {
  Pair pair;
  pair.connect();
  ASSERT_TRUE(pair.client.send(pair.loop, "x"));
  ASSERT_TRUE(pair.loop.until([&] { return pair.server().received == "x"; }));
  pair.loop.settle();
  EXPECT_LE(pair.loop->blocks().blocks_out(), 2u);  // the read buffer and the scratch block
}

TEST(Tcp, a_changed_receiver_gets_the_next_event) {
  Pair pair;
  pair.connect();
  End other;
  pair.server().transport->set_events(other);
  ASSERT_TRUE(pair.client.send(pair.loop, "x"));
  ASSERT_TRUE(pair.loop.until([&] { return other.received == "x"; }));
  EXPECT_EQ(pair.server().received, "");
}

TEST(Tcp, adopts_a_connected_socket) {
  TestLoop loop;
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  End end;
  end.transport = adopt_socket(loop, pair[0], true);
  end.transport->start(end);
  ASSERT_EQ(::write(pair[1], "x", 1), 1);
  ASSERT_TRUE(loop.until([&] { return end.received == "x"; }));
  close(pair[1]);
}

}  // namespace
}  // namespace sluice::net
